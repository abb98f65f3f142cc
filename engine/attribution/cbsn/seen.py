"""What is shown of a conditional blind-spot network: its hole, and noise that is broken up."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from engine.attribution.cbsn.net import (
    BlindSpotNet,
    choices,
    normalized,
    pick_pixels,
    slopes,
    to_batch,
)
from engine.attribution.cbsn.noise import autocorrelation
from engine.core.pictures import Pixels, amplified_difference, as_bytes, tint
from engine.core.result import Floats, HeatMap, Pictures, Table
from engine.vision.models.threads import one_thread

AMPLIFIED = 3  # times
REMOVED, ERROR = f"removed × {AMPLIFIED}", f"error × {AMPLIFIED}"
LAGS = 5  # px
MIDDLE = 128 / 255
WINDOW = 21  # px of the hole's picture
MASKED, OPEN = "with the blind spot", "mask taken off"


def removed(noisy: Tensor, denoised: Tensor) -> Pixels:
    """What denoising took away, (C, H, W) each, amplified around mid-gray."""
    amplified = MIDDLE + AMPLIFIED * (noisy - denoised)
    return as_bytes(amplified.expand(3, -1, -1))


def error(clean: Pixels, denoised: Pixels) -> Pixels:
    """What is wrong with a denoised picture, (H, W, 3) each, amplified around mid-gray.

    The noise that was removed would hide it: at σ = 0.15, three times that is white or black.
    """
    return amplified_difference(clean, denoised, AMPLIFIED)


def residuals(denoised: Tensor, truth: Tensor) -> Tensor:
    """What is wrong with denoised images."""
    return denoised - truth


def centers(net: BlindSpotNet, image: Tensor) -> tuple[Table, tuple[Floats, Floats]]:
    """How an output pixel hangs on its input pixel, masked and not; and both maps |∂out/∂in|.

    Args:
        net: the network.
        image: (C, H, W), whose middle is asked about.
    """
    device = next(net.parameters()).device
    parts = normalized(image[None].to(device))[0][0]
    with one_thread():
        blind, unmasked = (slopes(net, parts, masked).cpu().numpy() for masked in (True, False))
    row, column = image.shape[1] // 2, image.shape[2] // 2
    top, left = max(row - WINDOW // 2, 0), max(column - WINDOW // 2, 0)
    table = Table.of(
        {
            "at the center": ([slope_map[row, column] for slope_map in (blind, unmasked)], ""),
            "at most elsewhere": (
                [elsewhere(slope_map, row, column) for slope_map in (blind, unmasked)],
                "",
            ),
        },
        (MASKED, OPEN),
    )
    window = slice(top, top + WINDOW), slice(left, left + WINDOW)
    return table, (blind[window], unmasked[window])


def elsewhere(slope: Floats, row: int, column: int) -> float:
    """The largest value but for one place."""
    others = slope.copy()
    others[row, column] = 0
    return float(others.max())


def hole(maps: tuple[Floats, Floats]) -> Pictures:
    """Both maps on a scale of their own."""
    pictures = [tint(HeatMap(heat, "", signed=False)) for heat in maps]
    middle = [float(heat[heat.shape[0] // 2, heat.shape[1] // 2]) for heat in maps]
    return Pictures(
        np.stack(pictures)[None],
        ("",),
        (MASKED, OPEN),
        "How much an output pixel changes with each input pixel. At the center: "
        f"{middle[0]:.2g} with the blind spot, {middle[1]:.2g} without.",
        unit="|∂out / ∂in|, each on its own scale",
    )


def broken_up(noises: Mapping[str, Tensor], stride: int, cell: int, seed: int) -> Table:
    """Autocorrelation by distance: of the first noise as it is, after S_b and after R; of others.

    Args:
        noises: by name, (n, C, H, W) each.
        stride: b.
        cell: i.
        seed: of R.
    """
    first = next(iter(noises.values()))
    chosen = choices(first, cell, torch.Generator().manual_seed(seed))
    columns: dict[str, tuple[object, str]] = {"px": (np.arange(LAGS + 1), "")}
    name, *others = noises
    columns[name] = autocorrelation(first, LAGS), ""
    columns["after S_b"] = autocorrelation(to_batch(first, stride), LAGS), ""
    columns["after R"] = autocorrelation(pick_pixels(first, cell, chosen), LAGS), ""
    columns |= {
        noise_name: (autocorrelation(noises[noise_name], LAGS), "") for noise_name in others
    }
    return Table.of(columns)
