"""A large photograph in overlapping tiles, each as sharp as the normal images are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from engine.anomaly.localizers.localizer import place_of
from engine.anomaly.localizers.parts import PartsCase, judge_parts, reached
from engine.anomaly.localizers.regions import boxes_above
from engine.core.case_base import Parts
from engine.core.method import Cost, Method, Progress, Slider, quiet, setting
from engine.core.result import Floats, HeatMap, Result, Table
from engine.evaluation.detection.detector import noted
from engine.vision.images import Crop, Picture, square

MOST_TILES = 600
LONG = 1024  # px of the map's long side, at most
LEAST = 1e-3  # weight of a tile at its very edge, of 1 in its middle
ALONE = " Where tiles overlap they disagree: blended, nothing large enough lies above it."
SMALLER = 0.98  # how much smaller a photograph is tried that has too many tiles


@dataclass(frozen=True, eq=False)
class PhotographCase(PartsCase):
    """A photograph at its own resolution, among normal images.

    A tile has as many pixels as the normal images have, so that both come to the model alike.
    """

    case_name: ClassVar[str] = "tiles"
    what: ClassVar[str] = "a photograph, a classifier and normal images"

    picture: Picture

    @property
    def side(self) -> int:
        """Of a tile, in px of the photograph."""
        return int(self.about.normal.images.shape[2])

    @property
    def size(self) -> str:
        """Its pixels."""
        height, width = self.picture.pixels.shape[:2]
        return f"{width} × {height} px"

    def whole_parts(self) -> Parts:
        """The photograph's pixels."""
        yield f"|{self.picture.digest}"


@dataclass(frozen=True)
class Tiling:
    """Where the tiles lie.

    Args:
        width, height: px of the photograph as it is cut.
        lefts, tops: of the tiles, in px.
        side: of a tile, in px.
        scale: of the photograph's own size.
    """

    width: int
    height: int
    lefts: tuple[int, ...]
    tops: tuple[int, ...]
    side: int
    scale: float

    def __len__(self) -> int:
        return len(self.lefts) * len(self.tops)

    def corners(self) -> Iterator[tuple[int, int]]:
        """Top and left of each tile, row by row."""
        return ((top, left) for top in self.tops for left in self.lefts)


def tiling(width: int, height: int, side: int, overlap: float, most: int = MOST_TILES) -> Tiling:
    """Tiles that cover a photograph and overlap by a share of their side, or a little more.

    A photograph with more than `most` is cut smaller; one that is smaller than a tile, larger.
    """
    scale = max(1.0, side / min(width, height))
    while True:
        scaled_width, scaled_height = (
            max(side, round(length * scale)) for length in (width, height)
        )
        lefts, tops = (starts(length, side, overlap) for length in (scaled_width, scaled_height))
        if (count := len(lefts) * len(tops)) <= most:
            return Tiling(scaled_width, scaled_height, lefts, tops, side, scale)
        # the count goes with scale²; small steps near the limit lose no more than they must
        scale *= min(sqrt(most / count), SMALLER) if count > 2 * most else SMALLER


def starts(length: int, side: int, overlap: float) -> tuple[int, ...]:
    """Where tiles begin along one side, evenly, the last one at its end."""
    step = max(1, int(side * (1 - overlap)))
    count = ceil((length - side) / step) + 1
    # evenly, so that the last tile overlaps no more than the others and none reaches beyond
    return tuple(np.linspace(0, length - side, count).round().astype(int).tolist())


@dataclass(frozen=True)
class TileByTile(Method[PhotographCase]):
    """A large photograph in overlapping tiles, so that what is small in it is still seen.

    Resized to the model's input, a photograph of 4000 px loses whatever is a few px wide. Here each
    tile is judged by itself, by the localizer above, and their maps are blended where they overlap.
    The normal images must show things as large as the tiles do: squares cut from normal
    photographs of the same resolution, not whole photographs made smaller. The threshold holds for
    each tile by itself: of normal tiles the chosen share reaches it.
    """

    name = "TileByTile"
    family = "anomaly"
    title = "In tiles"
    cost: ClassVar[Cost] = "wait"
    needs = frozenset({"normal", "patches"})
    proof = (
        "tests/engine/anomaly/localizers/test_tiles.py"
        "::test_scratches_in_a_photograph_of_12_megapixels_are_found_in_tiles_and_lost_when_resized"
    )

    overlap: float = setting(
        0.25,
        Slider(0.0, 0.5, 0.05, "share"),
        "Overlap",
        "The share of a tile's side that its "
        "neighbor covers too. Without any, what lies on an edge is seen in parts.",
    )

    def tiles(self, case: PhotographCase) -> Tiling:
        """Where the tiles of a case lie."""
        height, width = case.picture.pixels.shape[:2]
        return tiling(width, height, case.side, self.overlap)

    def __call__(self, case: PhotographCase, progress: Progress = quiet) -> Result:
        """Views: figures, map (of all of the photograph), mask, boxes, held and notes."""
        progress(0.0, "cutting tiles")
        grid, localizer = self.tiles(case), case.localizer
        parts = judge_parts(case, tile_pixels(case, grid), len(grid), progress)
        tiles = (
            localizer.smooth(distance[None], case.model.side)[0] for distance in parts.distances
        )
        values, highest = blended(grid, tiles)
        figures, notes = parts.figures(localizer.alpha, localizer.unit)
        threshold = float(figures["threshold"][0])
        if grid.scale < 1:
            notes = (*notes, smaller(grid))
        row, column = np.unravel_index(values.argmax(), values.shape)
        tile_figures = {
            "highest": ([values.max()], localizer.unit),
            "below": ([(parts.learned.highest < values.max()).mean()], "share"),
            "left": ([(column + 0.5) / values.shape[1]], "share"),
            "top": ([(row + 0.5) / values.shape[0]], "share"),
            "tiles": ([len(grid)], ""),
            "above": ([(highest > threshold).sum()], "tiles"),
            "scale": ([grid.scale], "share"),
        }
        units = dict(zip(figures.order, figures.units, strict=True))
        result: Result = {
            "figures": Table.of(tile_figures | {n: (figures[n], units[n]) for n in figures.order}),
            "map": HeatMap(values, localizer.unit, signed=False),
            "mask": HeatMap((values > threshold).astype(np.float32), "above the threshold", False),
            "boxes": boxes_above(
                values, threshold, localizer.unit, grid.side**2 / (grid.width * grid.height)
            ),
            "held": parts.held(localizer.unit),
            "notes": noted(notes),
        }
        progress(1.0, "blended")
        return result

    def finding(self, case: PhotographCase, result: Mapping[str, Any]) -> str:
        """The oddest place, and how many tiles reach the threshold."""
        table = result["figures"]
        figures = {name: float(table[name][0]) for name in table.order}
        return (
            f"In tiles the oddest place is the {place_of(figures['left'], figures['top'])}, "
            "above what "
            f"{round(figures['below'] * figures['held out'])} of {figures['held out']:.0f} "
            "normal images "
            f"reach. "
            + reached(
                result, int(figures["above"]), case.localizer.alpha, f"{figures['tiles']:.0f} tiles"
            )
            + (ALONE if figures["above"] and not len(result["boxes"]) else "")
        )


def smaller(grid: Tiling) -> str:
    """What is said of a photograph with too many tiles."""
    return (
        f"At most {MOST_TILES} tiles of {grid.side} px are read, so the photograph was cut at "
        f"{100 * grid.scale:.0f} % of its size: what is smaller than a few px then may be missed. "
        "Open a part of it to see more."
    )


def tile_pixels(case: PhotographCase, grid: Tiling) -> Iterator[Tensor]:
    """The tiles as the model sees them, (3, side, side) each, row by row."""
    pixels = case.picture.pixels
    if grid.scale != 1:
        size = (grid.width, grid.height)
        pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
    for top, left in grid.corners():
        tile = pixels[top : top + grid.side, left : left + grid.side]
        picture = Picture(np.ascontiguousarray(tile), (grid.side, grid.side), (), "")
        yield torch.from_numpy(square(picture, Crop(), case.model.side))


def blended(grid: Tiling, tiles: Iterator[Floats]) -> tuple[Floats, Floats]:
    """One map of the photograph, and the highest value of each tile.

    A tile weighs most in its middle and next to nothing at its edge, so that no edge is seen.
    """
    share = min(1.0, LONG / max(grid.width, grid.height))
    shape = max(1, round(grid.height * share)), max(1, round(grid.width * share))
    sums, weights = np.zeros(shape), np.zeros(shape)
    highest = []
    for (top, left), values in zip(grid.corners(), tiles, strict=True):
        rows, down, row_weight = tile_span(top, grid.side, grid.height, shape[0], len(values))
        columns, across, column_weight = tile_span(
            left, grid.side, grid.width, shape[1], len(values)
        )
        weight = np.outer(row_weight, column_weight)
        sums[rows, columns] += weight * (down @ values @ across.T)
        weights[rows, columns] += weight
        # before blending: the threshold holds for a tile by itself
        highest.append(values.max())
    return (sums / weights).astype(np.float32), np.array(highest, np.float32)


def tile_span(
    start: int, side: int, length: int, count: int, tile_places: int
) -> tuple[slice, NDArray[np.float64], NDArray[np.float64]]:
    """The places of a map along one side that lie in a tile.

    Args:
        start, side: of the tile, in px.
        length: of the photograph, in px.
        count: places of the map.
        tile_places: values of the tile.

    Returns:
        Which places; how each is made of the tile's values, (places, known); and its weight.
    """
    middles = (np.arange(count) + 0.5) / count * length - start
    inside = np.flatnonzero((middles >= 0) & (middles < side))
    share = middles[inside] / side
    # values stand for the middles of their cells, and the outer half cells repeat the last one
    at = np.clip(share * tile_places - 0.5, 0, tile_places - 1)
    lower = np.minimum(at.astype(int), max(tile_places - 2, 0))
    weights = np.zeros((len(inside), tile_places))
    weights[np.arange(len(inside)), lower] = 1 - (at - lower)
    weights[np.arange(len(inside)), np.minimum(lower + 1, tile_places - 1)] += at - lower
    # a Hann window; LEAST keeps the sum of weights above 0 where one tile alone ends
    weight = np.sin(np.pi * share) ** 2 + LEAST
    return slice(inside[0], inside[-1] + 1), weights, weight
