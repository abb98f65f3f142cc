"""Points between points of a rare class, as SMOTE draws them, and what they have in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.anomaly.flat import Doubles, Ints


def neighbors(points: Doubles, k: int) -> Ints:
    """The k nearest other points of each, (n, at most k)."""
    from scipy.spatial.distance import cdist

    distances = cdist(points, points)
    # a point would be its own nearest, and a new one a copy
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, 1, kind="stable")[:, : min(k, len(points) - 1)]


def smote(
    points: Doubles,
    count: int,
    k: int,
    rng: np.random.Generator,
    *,
    box: bool = False,
    starts: Ints | None = None,
) -> Doubles:
    """Points between a point and one of its k nearest, (count, D).

    Args:
        points: of the rare class, (n, D).
        count: how many are drawn.
        k: neighbors; at most n − 1 are taken.
        rng: draws pairs and places.
        box: whether each coordinate has its own place between the two.
        starts: rows that a new point may start from; all of them if not given.
    """
    rows = np.arange(len(points)) if starts is None else starts
    near = neighbors(points, k)[rows]
    # uniform over the n × k table of points and neighbors, as imbalanced-learn draws
    pair = rng.integers(0, near.size, count)
    start, end = points[rows[pair // near.shape[1]]], points[near.ravel()[pair]]
    # one place for all coordinates keeps to the segment; one for each fills the box around it
    return start + rng.random((count, points.shape[1] if box else 1)) * (end - start)


def covariance(points: Doubles, k: int, *, box: bool = False) -> NDArray[np.float64]:
    """The covariance (D, D) of a point that `smote` draws, in closed form.

    With step d from x to its neighbor and u uniform, E[u] = 1/2 and E[u²] = 1/3; of two coordinates
    of a box E[u v] = 1/4.
    """
    near = neighbors(points, k)
    x = points.repeat(near.shape[1], 0)
    d = points[near.ravel()] - x
    steps = d.T @ d / len(d)
    # of a box the diagonal has E[u²] = 1/4 + 1/12 = 1/3, too
    square = steps / 3 if not box else steps / 4 + np.diag(np.diag(steps)) / 12
    cross = x.T @ d / len(d)
    mean = (x + d / 2).mean(0)
    # E[(x + u d)(x + u d)ᵀ]
    second: NDArray[np.float64] = x.T @ x / len(x) + (cross + cross.T) / 2 + square
    return second - np.outer(mean, mean)


def spread_of(points: Doubles) -> float:
    """Total variance: the trace of the covariance."""
    return float(points.var(0).sum())


def in_danger(points: Doubles, others: Doubles, k: int) -> Ints:
    """Rows of points (n, D) of whose k nearest half or more, but not all, are others (N, D).

    With all of them others, a point is taken for noise (Borderline-SMOTE).
    """
    from scipy.spatial.distance import cdist

    all_points = np.concatenate([points, others])
    distances = cdist(points, all_points)
    distances[np.arange(len(points)), np.arange(len(points))] = np.inf
    near = np.argsort(distances, 1, kind="stable")[:, :k]
    other_class_counts = (near >= len(points)).sum(1)
    return np.flatnonzero(
        (other_class_counts >= near.shape[1] / 2) & (other_class_counts < near.shape[1])
    )
