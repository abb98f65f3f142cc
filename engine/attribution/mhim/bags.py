"""Bags as numbers: what the reading network makes of each tile, and a bag as one picture."""

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from engine.attribution.mhim.case import BagsCase
from engine.core.method import Progress, quiet
from engine.vision.data import DataSet, Rows
from engine.vision.models.pace import in_batches

LEAST = 1e-6  # spread of features that are all the same
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class BagLayout:
    """Which tiles are in which bag, all of N tiles, and what is known of them.

    Args:
        rows: of each bag, where its tiles are in the data, (bags, N).
        key: (bags, N), the tiles that make the bag's label; none where that is not known.
        hard: (bags, N), the tiles that are hard to read.
        rival: (bags, N), tiles like the key tiles of another class; none where "digit" is
            not known.
    """

    rows: Rows
    key: Flags
    hard: Flags
    rival: Flags

    @property
    def size(self) -> int:
        """Tiles in a bag."""
        return int(self.rows.shape[1])


@dataclass(frozen=True, eq=False)
class BagArrays:
    """The bags of a case as numbers.

    Args:
        layout: of the bags.
        slides: a data set whose images are the bags, each laid out as a square picture; a row is a
            bag, its id the bag's.
        features: of each tile, (bags, N, D), on the reading network's device, divided by `spread`.
        spread: the mean standard deviation of a feature over the training tiles.
    """

    layout: BagLayout
    slides: DataSet
    features: Tensor
    spread: float


def side_of(size: int) -> int:
    """The side of the smallest square that holds so many tiles."""
    return ceil(sqrt(size))


def layout_of(data: DataSet) -> BagLayout:
    """The bags of a data set, in the order of their numbers."""
    groups = data.truth["group"]
    rows: Rows = np.argsort(groups, kind="stable").reshape(len(np.unique(groups)), -1)
    blank = np.zeros(len(data), bool)
    key, hard = (np.asarray(data.truth.get(name, blank), bool)[rows] for name in ("key", "hard"))
    digit = np.asarray(data.truth.get("digit", np.full(len(data), -1)))[rows]
    return BagLayout(rows, key, hard, np.isin(digit, np.unique(digit[key])) & ~key)


def bags_of(case: BagsCase, progress: Progress = quiet) -> BagArrays:
    """Read every tile of a case once; the reading network is not changed."""
    rows = layout_of(case.data).rows
    return bags_with(case.data, tile_features(case, rows, progress).view(*rows.shape, -1))


def bags_with(data: DataSet, features: Tensor) -> BagArrays:
    """Bags whose tiles were read; features are (bags, N, D), in the order of their numbers."""
    layout = layout_of(data)
    first = layout.rows[:, 0]
    slides = DataSet(
        data.name,
        data.card,
        data.classes,
        np.stack([laid_out(data.images[tile_rows]) for tile_rows in layout.rows]),
        data.labels[first],
        data.truth["group"][first].astype(np.int64),
        data.split[first],
    )
    train_features = features[torch.from_numpy(slides.rows("train"))]
    spread = max(train_features.flatten(0, 1).std(0).mean().item(), LEAST)
    return BagArrays(layout, slides, features / spread, spread)


def tile_features(case: BagsCase, rows: Rows, progress: Progress) -> Tensor:
    """What the head of the reading network is given of each tile, (tiles, D)."""
    model, flat, parts = case.model, rows.ravel(), []
    pixels = case.data.pixels(flat[:1])
    resized = pixels.shape[-2:] != (model.side, model.side)

    def look(start: int, end: int) -> None:
        pixels = case.data.pixels(flat[start:end])
        if resized:
            pixels = F.interpolate(pixels, (model.side, model.side), mode="area")
        parts.append(model.features(pixels).float().clone())
        progress(end / len(flat), "reading tiles")

    in_batches(len(flat), model.pace("exact").batch, look, model.title)
    return torch.cat(parts)


def laid_out(tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Tiles (N, C, h, w) row by row as one square picture (C, H, W); empty places are black."""
    count, channels, height, width = tiles.shape
    side = side_of(count)
    board = np.zeros((side * side, channels, height, width), np.uint8)
    board[:count] = tiles
    board = board.reshape(side, side, channels, height, width)
    return board.transpose(2, 0, 3, 1, 4).reshape(channels, side * height, side * width)


def on_slide(values: NDArray[np.float32], tile: tuple[int, int]) -> NDArray[np.float32]:
    """One number for each tile, (N,), as a map over the bag's picture; NaN where no tile is."""
    side = side_of(len(values))
    board = np.full(side * side, np.nan, np.float32)
    board[: len(values)] = values
    return np.kron(board.reshape(side, side), np.ones(tile, np.float32))
