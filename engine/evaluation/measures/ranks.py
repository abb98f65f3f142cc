"""Ranks, counted from 1; equal values share the middle of their places."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.floating[Any]]


def ranks(values: Reals) -> NDArray[np.float64]:
    """The rank of each value of a flattened array, (N,); all NaN where one value is NaN.

    As scipy.stats.rankdata gives them, without the second that its import takes.
    """
    values = np.ravel(values)
    if np.isnan(values).any():
        return np.full(values.shape, np.nan)
    order = np.argsort(values)
    ordered = values[order]
    # cut to the length: without values there is no first one either
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(values)])
    after = np.append(first[1:], len(values))  # where those equal to it have ended
    result = np.empty(len(values))
    # the mean of the ranks first + 1 to after, which equal values share
    result[order] = np.repeat((first + 1 + after) / 2, after - first)
    return result
