"""How far two heat maps of one image are apart, by order and by what stands out most."""

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BlindspotError
from engine.core.result import Floats
from engine.evaluation.measures.ranks import Reals, ranks

Bools = NDArray[np.bool_]
Doubles = NDArray[np.float64]

TOP = 0.1  # share of the pixels that stand out most


def rank_correlation(first: Reals, other: Reals, *, signed: bool = False) -> float:
    """Spearman's correlation of two maps' sizes |a|, or values; NaN when one is flat."""
    same_size(first, other)
    return inner(rank_direction(first, signed=signed), rank_direction(other, signed=signed))


def top_overlap(first: Floats, other: Floats, share: float = TOP) -> float:
    """IoU of the pixels with the largest sizes, that share of each map; of equal ones the first.

    Two independent maps come to share ÷ (2 − share), 0.053 for a tenth. NaN when one is flat.
    """
    same_size(first, other)
    return overlap(top_pixels(first, share), top_pixels(other, share))


def rank_direction(values: Reals, *, signed: bool = False) -> Doubles:
    """The ranks of sizes, or of values, as a direction: two have Spearman's ρ between them."""
    ranked = ranks((values if signed else np.abs(values)).ravel())
    return direction(ranked - ranked.mean())


def direction(values: Doubles) -> Doubles:
    """A vector of length 1; NaN everywhere where it is zero."""
    length = np.sqrt(inner(values, values))
    return values / length if length > 0 else np.full_like(values, np.nan)


def inner(first: Doubles, other: Doubles) -> float:
    """The inner product of two vectors.

    By numpy alone: BLAS shares so little work among threads, and waits long for them when other
    processes keep the cores busy.
    """
    return float((first * other).sum())


def top_pixels(values: Floats, share: float = TOP) -> Bools:
    """Which pixels have the largest sizes, of equal ones the first; none in a flat map."""
    sizes = np.abs(values).ravel()
    # no size is below 0: unknown pixels come last
    sizes = np.where(np.isnan(sizes), -1, sizes)
    count = max(round(share * sizes.size), 1)
    if not np.ptp(sizes):
        return np.zeros(sizes.size, bool)
    edge = np.partition(sizes, -count)[-count]
    result: Bools = sizes > edge
    # of those at the edge only as many as are missing: both maps must name equally many pixels
    result[np.flatnonzero(sizes == edge)[: count - np.count_nonzero(result)]] = True
    return result


def overlap(first: Bools, other: Bools) -> float:
    """IoU of two sets of pixels; NaN when one is empty."""
    if not first.any() or not other.any():
        return float("nan")
    return float((first & other).sum() / (first | other).sum())


def same_size(first: Reals, other: Reals) -> None:
    """Raise BlindspotError when two maps differ in size."""
    if first.shape != other.shape:
        raise BlindspotError(f"Maps of {first.shape} and {other.shape} cannot be compared.")
