"""A person's photographs before and after, brought to the square that a model sees."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from engine.core.errors import BadImage
from engine.vision.images import Crop, Picture, square
from engine.vision.images.filling import square_mask
from engine.vision.images.masks import Mask

SIDES = ("top", "left", "bottom", "right")
MIDDLE = Crop()
Photograph = Tensor  # (3, H, W) in [0, 1], as a model sees it


def taken_out_by(
    picture: Picture,
    side: int,
    sides: Mapping[str, float],
    mask: Mask | None = None,
    after: Picture | None = None,
) -> tuple[Tensor | None, Tensor | None]:
    """Where the thing is, (side, side) bool, or the photograph after, (3, side, side).

    Args:
        picture: of which the middle square is seen.
        side: of that square, as a model sees it.
        sides: top, left, bottom and right of a rectangle around it, in shares of the square.
        mask: where it is, (H, W) like the picture's pixels; goes before the rectangle.
        after: the photograph without it; goes before both.

    Raises:
        BadImage: the rectangle is empty, or the photograph after is of another size.
    """
    if after is not None:
        check_size(picture, after)
        return None, torch.from_numpy(square(after, MIDDLE, side))
    marked = boxed(side, sides) if mask is None else square_mask(mask, MIDDLE, side)
    return torch.from_numpy(marked), None


def check_size(picture: Picture, after: Picture) -> None:
    """Raise BadImage where the two photographs differ in size."""
    if picture.size != after.size:
        (width, height), (after_width, after_height) = picture.size, after.size
        raise BadImage(
            f"The photograph after has {after_width} × {after_height} px and the one before "
            f"{width} × {height}: "
            "they must be of one size, and show the same but for the thing."
        )


def boxed(side: int, sides: Mapping[str, float]) -> Mask:
    """A rectangle on the square, (side, side). Raises BadImage for an empty one."""
    top, left, bottom, right = (round(sides.get(edge, 0.0) * side) for edge in SIDES)
    result = np.zeros((side, side), np.bool_)
    result[top:bottom, left:right] = True
    if not result.any():
        raise BadImage("The rectangle is empty: draw it around the thing.")
    return result
