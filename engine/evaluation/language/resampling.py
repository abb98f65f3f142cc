"""The bootstrap of what adds up over scenes: a scene is drawn again with all that belongs to it."""

from math import nan

import numpy as np
from numpy.typing import NDArray

DRAWS = 1000
BOUND = 500_000  # numbers that are drawn at once

Floats = NDArray[np.float64]


def resampled_sums(counts: NDArray[np.generic], seed: int = 0, draws: int = DRAWS) -> Floats:
    """Sums of counts (scenes, k) over as many scenes, drawn again with replacement, (draws, k).

    Memory is bounded: how often each scene was drawn is multiplied with the counts, and no draw's
    counts are copied.
    """
    scenes, rng = len(counts), np.random.default_rng(seed)
    if not scenes:
        return np.zeros((draws, counts.shape[1]))
    numbers = np.asarray(counts, np.float64)
    at_once = max(BOUND // scenes, 1)
    return np.concatenate(
        [
            times_drawn(rng, scenes, min(at_once, draws - start)) @ numbers
            for start in range(0, draws, at_once)
        ]
    )


def times_drawn(rng: np.random.Generator, scenes: int, draws: int) -> Floats:
    """How often each scene is drawn, (draws, scenes); every row adds up to the scenes."""
    # each draw counts in a range of its own, so that one bincount does for all of them
    places = rng.integers(0, scenes, (draws, scenes)) + scenes * np.arange(draws)[:, None]
    times = np.bincount(places.ravel(), minlength=draws * scenes)
    return times.reshape(draws, scenes).astype(np.float64)


def middle_interval(values: NDArray[np.floating], percent: float) -> tuple[float, float]:
    """Between which values the middle percent of those that are finite lie; NaN of none."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return nan, nan
    low, high = np.percentile(finite, ((100 - percent) / 2, (100 + percent) / 2))
    return float(low), float(high)
