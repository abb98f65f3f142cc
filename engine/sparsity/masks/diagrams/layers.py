"""Whole layers on a coarse grid: how dense each is, and where two choices of weights differ."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadSetting
from engine.core.result import Array, Floats
from engine.vision.models.bits import Bits
from engine.vision.weights.masks import Masks
from engine.vision.weights.parts import PrunableWeight

HIGH, WIDE = 64, 256  # cells of a strip at most


@dataclass(frozen=True, eq=False)
class Strip:
    """A layer at a glance.

    Args:
        part: the layer's weight, seen as filters × everything a filter reads.
        density: share that stays in each cell, (≤ 64, ≤ 256).
        dead: whether every filter in a row of cells is dead, (≤ 64,).
    """

    part: PrunableWeight
    density: Floats
    dead: Bits


def strips(masks: Masks, high: int = HIGH, wide: int = WIDE) -> tuple[Strip, ...]:
    results = []
    for part in masks.parts:
        rows = masks.array(part.name).reshape(part.filters, -1)
        counts, sizes = raster(rows, high, wide)
        dead = np.add.reduce(counts, 1) == 0
        results.append(Strip(part, (counts / sizes).astype(np.float32), dead))
    return tuple(results)


def raster(rows: Bits, high: int, wide: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many are True in each cell of a coarser grid, and how many there are, (h, w) both."""
    tops = edges(rows.shape[0], high)
    lefts = edges(rows.shape[1], wide)
    across = rows.view(np.uint8)
    if len(lefts) < rows.shape[1]:
        across = np.add.reduceat(across, lefts, axis=1, dtype=np.int32)
    cells = np.add.reduceat(across, tops, axis=0, dtype=np.int64)
    tall = np.diff([*tops, rows.shape[0]])
    broad = np.diff([*lefts, rows.shape[1]])
    return cells, np.outer(tall, broad)


def edges(size: int, most: int) -> NDArray[np.int64]:
    """Where the cells along a side begin: one for each place, or `most` of about equal width."""
    count = min(size, most)
    return np.arange(count) * size // count


@dataclass(frozen=True, eq=False)
class Difference:
    """Two masks of one layer: shares of each cell that stay in the first only, the second, both."""

    part: PrunableWeight
    first: Floats  # (h, w)
    second: Floats
    both: Floats


def difference(
    first: Masks, other: Masks, name: str, high: int = HIGH, wide: int = WIDE
) -> Difference:
    """Where two choices of weights differ."""
    part = first.part(name)
    if name not in other.starts:
        raise BadSetting(f"{part.layer} is not among the layers of both masks.")
    a, b = (masks.array(name).reshape(part.filters, -1) for masks in (first, other))
    both, sizes = raster(a & b, high, wide)
    only_a, _ = raster(a & ~b, high, wide)
    only_b, _ = raster(b & ~a, high, wide)
    shares: list[Array] = [(cells / sizes).astype(np.float32) for cells in (only_a, only_b, both)]
    return Difference(part, *shares)
