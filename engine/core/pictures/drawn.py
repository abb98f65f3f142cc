"""Results as pictures, for files: the page has its own viewer.

A map is drawn on its own scale, unsigned from its lowest to its highest value, signed with zero in
the middle; the ends belong beside the picture (see `scale_ends`).
"""

from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from engine.core.pictures.colors import DIVERGING_LIGHT, SEQUENTIAL, Ramp
from engine.core.result import HeatMap, Pictures

Pixels = NDArray[np.uint8]  # (H, W, 3)

CELL, GAP, LINE, MARGIN = 192, 10, 24, 150  # px of a grid's file: image, gap, text, row labels
INK, PAPER, LETTERS = "#12171a", "#ffffff", 15
MIDDLE = 128  # no difference
FLAT = 1e-6  # a spread below this share of the values is float noise


def as_bytes(image: Any) -> Pixels:
    """Images (…, 3, H, W) in [0, 1], a tensor or an array, as bytes (…, H, W, 3)."""
    values = np.clip(np.asarray(image, np.float32), 0, 1)
    return np.moveaxis(np.rint(values * 255).astype(np.uint8), -3, -1)


def scale_ends(heat: HeatMap) -> tuple[float, float]:
    """The values at the two ends of the colors; 0 lies in the middle of a signed map's."""
    low, high = extent(heat.values)
    if heat.signed:
        high = max(high, -low)
        low = -high
    return low, high


def extent(values: NDArray[Any]) -> tuple[float, float]:
    """The lowest and highest known value; 0 and 0 where none is known."""
    finite_values = values[np.isfinite(values)]
    return (
        (float(finite_values.min()), float(finite_values.max()))
        if finite_values.size
        else (0.0, 0.0)
    )


def is_flat(low: float, high: float) -> bool:
    """Whether the spread is no more than float noise."""
    return high - low <= FLAT * abs(high)


def tint(
    heat: HeatMap, span: tuple[float, float] | None = None, ramp: Ramp | None = None
) -> Pixels:
    """The map as colors (H, W, 3); a flat map is one color, not amplified noise.

    Args:
        heat: the map.
        span: the values at the ends of the colors; its own if not given.
        ramp: the colors; those of a light page if not given.
    """
    low, high = span or scale_ends(heat)
    finite_or_nan = np.where(np.isfinite(heat.values), heat.values, np.nan)
    places = (
        np.full_like(finite_or_nan, 0.5)
        if is_flat(low, high)
        else (finite_or_nan - low) / (high - low)
    )
    shades = (DIVERGING_LIGHT if heat.signed else SEQUENTIAL) if ramp is None else ramp
    steps = np.clip(np.nan_to_num(places, nan=0.5), 0, 1) * 255
    colors: Pixels = shades[np.rint(steps).astype(np.uint8)]
    return colors


AGREED, MISSED, EXTRA = (252, 252, 251), (214, 64, 48), (38, 118, 190)  # RGB
SHADE = 0.6  # of an outline's filling over the image


def overlay_masks(image: Pixels, outline: NDArray[np.bool_], truth: NDArray[np.bool_]) -> Pixels:
    """An image (H, W, 3) with two masks (H, W): white where both are, red and blue for one."""
    shaded = image.astype(np.float32)
    parts = ((outline & truth, AGREED), (truth & ~outline, MISSED), (outline & ~truth, EXTRA))
    for where, color in parts:
        shaded[where] = (1 - SHADE) * shaded[where] + SHADE * np.array(color, np.float32)
    return np.rint(shaded).astype(np.uint8)


def amplified_difference(
    before: NDArray[np.uint8], after: NDArray[np.uint8], times: int
) -> NDArray[np.uint8]:
    """What was added to images of any shape, amplified around mid-gray, as bytes."""
    added = after.astype(np.int64) - before
    return np.clip(MIDDLE + times * added, 0, 255).astype(np.uint8)


def overlay(
    image: Pixels,
    heat: HeatMap,
    opacity: float = 0.55,
    span: tuple[float, float] | None = None,
    ramp: Ramp | None = None,
) -> Pixels:
    """The map over the image, both at the image's size, at one opacity everywhere; see `tint`."""
    height, width = image.shape[:2]
    colors = Image.fromarray(tint(heat, span, ramp)).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    mixed = (1 - opacity) * image.astype(np.float32) + opacity * np.asarray(colors, np.float32)
    return np.rint(mixed).astype(np.uint8)


def labeled_grid(view: Pictures) -> Pixels:
    """The whole grid with its labels and captions, as one image (H, W, 3)."""
    height, width = enlarged(view.images[0, 0]).shape[:2]
    line = LINE if view.captions else 0
    size = (
        MARGIN + len(view.columns) * (width + GAP) + GAP,
        2 * LINE + len(view.rows) * (height + line + GAP) + LINE,
    )
    page = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(page)
    for column, name in enumerate(view.columns):
        write_text(pen, (MARGIN + column * (width + GAP), GAP), name, width)
    for row, name in enumerate(view.rows):
        top = LINE + GAP + row * (height + line + GAP)
        write_text(pen, (GAP, top + height // 2), name, MARGIN - 2 * GAP)
        for column in range(len(view.columns)):
            left = MARGIN + column * (width + GAP)
            page.paste(Image.fromarray(enlarged(view.images[row, column])), (left, top))
            write_text(pen, (left, top + height + 2), view.caption(row, column), width)
    write_text(pen, (GAP, size[1] - LINE), view.unit, size[0] - 2 * GAP)
    return np.asarray(page)


def enlarged(image: NDArray[np.uint8]) -> Pixels:
    """An image (H, W, 1 or 3) in RGB, every pixel repeated until it is about CELL px wide."""
    times = max(1, round(CELL / max(image.shape[:2])))
    return np.ascontiguousarray(
        np.broadcast_to(image, (*image.shape[:2], 3)).repeat(times, 0).repeat(times, 1)
    )


def write_text(pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, room: int) -> None:
    """One line of text, cut where the room ends."""
    pen.text(at, shortened(text, LETTERS, room), INK, lettering(LETTERS))


def shortened(text: str, size: int, room: int) -> str:
    """One line of text, cut with an ellipsis where the room ends."""
    while lettering(size).getlength(text) > room and len(text) > 1:
        text = text[:-2].rstrip() + "…"
    return text


@cache
def lettering(size: int) -> ImageFont.FreeTypeFont:
    """The font of all files, of so many px."""
    return ImageFont.truetype(
        str(Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), size
    )
