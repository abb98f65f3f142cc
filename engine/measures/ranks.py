"""Ranks, counted from 1; equal values share the middle of their places."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.result import Floats


def ranks(values: Floats) -> NDArray[np.float64]:
    """The rank of each value of a flattened array, (N,); all NaN where one value is NaN.

    As scipy.stats.rankdata gives them, without the second that its import takes.
    """
    values = np.ravel(values)
    if np.isnan(values).any():
        return np.full(values.shape, np.nan)
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    middles: NDArray[np.float64] = counts.cumsum() - (counts - 1) / 2
    return middles[place]
