"""Changes of an image in whole gray levels of 1/255, so that a found image can be saved as it is.

A change that was found with real numbers is rounded and put back into the ball that it was allowed:
what is scored afterwards is a picture with 8 bits a channel, and no rounding follows.
"""

import numpy as np
import torch
from torch import Tensor

TOP = 255


def levels_of(image: Tensor) -> Tensor:
    """Pixels in [0, 1] as levels from 0 to 255, int16."""
    return (image.detach().cpu().double() * TOP).round().clamp(0, TOP).to(torch.int16)


def levels_to_pixels(levels: Tensor) -> Tensor:
    """Levels as pixels in [0, 1], float32: the same numbers that a decoded file gives."""
    return levels.float() / TOP


def round_change(image: Tensor, changed_image: Tensor, epsilon: float, norm: str) -> Tensor:
    """The change from an image to a found one in whole levels, inside the ball.

    Args:
        image: levels (3, H, W), int16.
        changed_image: pixels (3, H, W) in [0, 1].
        epsilon: of the ball, in levels; for "L2" of the root mean square of all values.
        norm: "L∞" or "L2".

    Returns:
        Levels to add, (3, H, W) int16: image + change stays in 0 … 255, and in the ball exactly.
    """
    exact_change = changed_image.detach().cpu().double() * TOP - image.double()
    change = exact_change.round()
    if norm == "L∞":
        # whole levels below a fractional ε: the ball is kept exactly
        change = change.clamp(-int(epsilon), int(epsilon))
    else:
        # ε bounds the root mean square, so ε² times the count bounds the sum of squares
        change = shortened(change, exact_change, epsilon**2 * exact_change.numel())
    # the cut at black and white only shortens a change, since the image itself lies within
    return (image + change.to(torch.int16)).clamp(0, TOP) - image


def shortened(change: Tensor, exact_change: Tensor, budget: float) -> Tensor:
    """The rounded change with squares that add up to no more than `budget`.

    Values that were rounded away from zero go back by one level, those nearest to the lower level
    first. Where that is not enough, the smallest changes are left out.
    """
    change = change.clone().flatten()
    excess = float(change.square().sum()) - budget
    if excess <= 0:
        return change.view(exact_change.shape)
    size = change.abs()
    # what was rounded toward zero is already shorter than the exact change
    rounded_up = (size > exact_change.flatten().abs()).nonzero().flatten()
    order = rounded_up[
        (exact_change.flatten().abs()[rounded_up] - (size[rounded_up] - 1)).argsort()
    ]
    # from s to s − 1, a square falls by 2 s − 1
    gains = (2 * size[order] - 1).cumsum(0)
    count = min(
        int(torch.searchsorted(gains, torch.tensor(excess, dtype=gains.dtype))) + 1, len(rounded_up)
    )
    lowered = order[:count]
    change[lowered] -= change[lowered].sign()
    excess = float(change.square().sum()) - budget
    if excess > 0:
        smallest = change.abs().argsort()
        dropped_count = int(torch.searchsorted(change[smallest].square().cumsum(0), excess)) + 1
        change[smallest[:dropped_count]] = 0
    return change.view(exact_change.shape)


def sizes(change: Tensor) -> dict[str, float]:
    """How large a change in levels is: the largest, the root mean square, L2 in pixels, share."""
    values = change.double()
    return {
        "L∞": float(values.abs().max()),
        "RMS": float(values.square().mean().sqrt()),
        "L2": float(values.norm()) / TOP,
        "changed": float((change != 0).any(0).double().mean()),
    }


def as_picture(levels: Tensor) -> np.ndarray:
    """Levels (3, H, W) as a picture (H, W, 3) uint8."""
    return np.ascontiguousarray(levels.numpy().astype(np.uint8).transpose(1, 2, 0))


def magnified(change: Tensor) -> tuple[np.ndarray, int]:
    """A change in levels as a picture on middle gray, and how many times it is enlarged."""
    largest = int(change.abs().max())
    times = max(1, 127 // largest) if largest else 1
    return as_picture((change * times + 128).clamp(0, TOP)), times
