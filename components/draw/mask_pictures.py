"""Pictures of masks as arrays of pixels: (height, width, 3) uint8, one small square a weight.

A picture is drawn from what `engine.sparsity.masks.diagrams` has counted; the browser enlarges it
with hard edges. What is cut is gray, on both themes.
"""

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from components.colors import DIVERGING_DARK, DIVERGING_LIGHT, SEQUENTIAL
from components.widgets.encoding import data_url, saved
from components.widgets.image_grid import font
from components.widgets.viewer import ENCODED, Pixels
from engine.core.result import Floats
from engine.sparsity.masks.diagrams import Difference, FoldedBack, Groups, Patterns, Strip, Wall

CUT = (128, 128, 128)
DEAD = (214, 69, 20)  # no filter of these rows is left
PAPER = {"light": (252, 252, 251), "dark": (21, 25, 27)}  # as the theme has them
INK = {"light": (18, 23, 26), "dark": (230, 234, 233)}
ONLY_FIRST, ONLY_SECOND, BOTH = (0, 114, 178), (230, 159, 0), (0, 158, 115)
CELL, GAP = 3, 1  # px of a weight in a wall, and between tiles
WIDE_GAP = 3  # px between filters that stand beside each other
ACROSS = 16  # tiles in a row of a wall whose filters have few
ROOM, FULL = 44, 700  # px of the page for a tile, and for a wall, at most
SQUARE = 9  # px of a weight in the view of groups


@dataclass(frozen=True)
class Tiles:
    """A wall of kernels, and where each filter is on it.

    Args:
        pixels: the picture.
        boxes: left, top, width and height of each filter as shares of the picture.
        width: px of the page that it takes at most.
    """

    pixels: Pixels
    boxes: tuple[tuple[float, float, float, float], ...]
    width: int


def source(pixels: Pixels, kind: str) -> str:
    """The picture as a PNG in a data URL, encoded once."""
    return ENCODED.get(
        pixels,
        kind,
        lambda: data_url("png", saved(Image.fromarray(pixels), "PNG", compress_level=1)),
    )


def image(pixels: Pixels, words: str, style: str = "width:100%") -> str:
    url = source(pixels, "mask")
    return f'<img src="{url}" alt="{escape(words)}" style="image-rendering:pixelated;{style}">'


def ramped(shares: Floats) -> Pixels:
    places = np.rint(255 * np.clip(shares, 0, 1)).astype(np.uint8)
    return np.ascontiguousarray(SEQUENTIAL[places])


def layer_strip(layer: Strip) -> Pixels:
    """A layer at a glance: the share that stays in each cell; dead rows stand out."""
    pixels = ramped(layer.density)
    pixels[layer.dead] = DEAD
    return pixels


def signed_picture(values: Floats, limit: float, theme: str) -> Pixels:
    """Weights on the ramp with two ends; what is cut (NaN) is gray."""
    ramp = DIVERGING_DARK if theme == "dark" else DIVERGING_LIGHT
    known = np.isfinite(values)
    shares = np.where(known, values, 0) / (limit or 1)
    pixels = ramp[np.rint(127.5 * (np.clip(shares, -1, 1) + 1)).astype(np.uint8)]
    pixels[~known] = CUT
    return np.asarray(pixels)


def wall(kernel_wall: Wall, theme: str) -> Tiles:
    """Kernels as tiles: a filter is a row of tiles; filters of few stand beside each other."""
    filters, channels, high, wide = kernel_wall.kernels.shape
    tall, tile = high * CELL + GAP, wide * CELL + GAP
    per_row = max(min(ACROSS // channels, filters), 1)  # filters in a row
    broad = channels * tile + (WIDE_GAP if per_row > 1 else 0)
    rows = -(-filters // per_row)
    size = rows * (tall + (WIDE_GAP if per_row > 1 else 0)), per_row * broad
    page = np.empty((*size, 3), np.uint8)
    page[:] = PAPER[theme]
    colored = (
        signed_picture(kernel_wall.kernels, kernel_wall.limit, theme)
        .repeat(CELL, 2)
        .repeat(CELL, 3)
    )
    boxes = []
    for at, kernels in enumerate(colored):
        top, left = at // per_row * (size[0] // rows), at % per_row * broad
        for channel, kernel in enumerate(kernels):
            start = left + channel * tile
            page[top : top + high * CELL, start : start + wide * CELL] = kernel
        box = (left, top, channels * tile - GAP, high * CELL)
        boxes.append((box[0] / size[1], box[1] / size[0], box[2] / size[1], box[3] / size[0]))
    return Tiles(page, tuple(boxes), min(per_row * channels * ROOM, FULL))


def pattern(bits: NDArray[np.bool_]) -> Pixels:
    shades = np.where(bits[..., None], SEQUENTIAL[230], np.array(CUT, np.uint8)).astype(np.uint8)
    framed = np.zeros((10, 10, 3), np.uint8)
    framed[:] = SEQUENTIAL[0]
    for row in range(3):
        for column in range(3):
            framed[1 + 3 * row : 3 + 3 * row, 1 + 3 * column : 3 + 3 * column] = shades[row, column]
    return framed


def patterns_html(patterns: Patterns) -> str:
    drawn = []
    for bits, share in zip(patterns.bits, patterns.shares, strict=True):
        words = "/".join("".join("x" if bit else "." for bit in row) for row in bits)
        drawn.append(
            f'<figure style="margin:0;text-align:center;width:4.2rem">'
            f"{image(pattern(bits), f'pattern {words}', 'width:3.2rem')}"
            f"<figcaption>{100 * share:.1f} %</figcaption></figure>"
        )
    inside = "".join(drawn)
    return f'<div style="display:flex;flex-wrap:wrap;gap:0.6rem">{inside}</div>'


def folded_picture(folded_back: FoldedBack) -> tuple[Pixels, ...]:
    """For each color channel, how much of what the first layer read of each place is left."""
    return tuple(ramped(counts / max(folded_back.most, 1)) for counts in folded_back.kept)


def groups_picture(weight_groups: Groups, n: int, theme: str) -> Pixels:
    """Rows of groups with gaps between, and below each column of groups how many stay in each."""
    rows, count, m = weight_groups.bits.shape
    broad, foot = m * SQUARE + 6, 22
    page = np.empty((rows * (SQUARE + 1) + foot, count * broad, 3), np.uint8)
    page[:] = PAPER[theme]
    for row in range(rows):
        for group in range(count):
            top = row * (SQUARE + 1)
            for at in range(m):
                left = group * broad + at * SQUARE
                shade = SEQUENTIAL[230] if weight_groups.bits[row, group, at] else CUT
                page[top : top + SQUARE, left : left + SQUARE - 1] = shade
    picture = Image.fromarray(page)
    pen = ImageDraw.Draw(picture)
    for group in range(count):
        low, high = weight_groups.counts[:, group].min(), weight_groups.counts[:, group].max()
        text = f"{low}" if low == high else f"{low}–{high}"
        ink = INK[theme] if low == high == n else DEAD
        pen.text(
            (group * broad + broad / 2 - 3, rows * (SQUARE + 1) + 2),
            text,
            ink,
            font(13),
            anchor="ma",
        )
    return np.asarray(picture)


def difference_picture(mask_difference: Difference, theme: str) -> Pixels:
    """Two masks of a layer over each other: each cell mixes its colors by its shares."""
    shares: list[tuple[Any, tuple[int, int, int]]] = [
        (mask_difference.first, ONLY_FIRST),
        (mask_difference.second, ONLY_SECOND),
        (mask_difference.both, BOTH),
    ]
    rest = 1 - mask_difference.first - mask_difference.second - mask_difference.both
    mixed = rest[..., None] * np.array(PAPER[theme])
    for share, color in shares:
        mixed = mixed + share[..., None] * np.array(color)
    return np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)
