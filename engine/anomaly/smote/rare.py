"""One rare class against all others, and points between its images, as SMOTE draws them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from engine.anomaly.flat import Doubles, Flags, Ints, main_axes, pixels, require_rows
from engine.core.errors import BadData
from engine.core.run import answer
from engine.evaluation.detection.case import DataCase
from engine.evaluation.detection.extract import Extract
from engine.evaluation.experiment import ExperimentCase
from engine.vision.data import DataSet
from engine.vision.models import catalog


def neighbors(points: Doubles, k: int, others: Doubles | None = None) -> Ints:
    """The k nearest other points of each, (n, at most k); row n + i is that of others[i]."""
    from scipy.spatial.distance import cdist

    known = points if others is None else np.concatenate([points, others])
    distances = cdist(points, known)
    # a point would be its own nearest, and a new one a copy
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, 1, kind="stable")[:, : min(k, len(known) - 1)]


def pairs(points: Doubles, k: int, starts: Ints | None = None) -> tuple[Ints, Ints]:
    """Rows of each point, or of those in `starts`, beside those of its k nearest, (m,) each."""
    near = neighbors(points, k)
    rows = np.arange(len(points)) if starts is None else starts
    return rows.repeat(near.shape[1]), near[rows].ravel()


def smote(
    points: Doubles, ends: tuple[Ints, Ints], count: int, rng: Generator, *, box: bool = False
) -> Doubles:
    """Points (count, D), each between two of the points (n, D) that are one of the pairs `ends`.

    With `box`, each coordinate has its own place between the two.
    """
    # uniform over the table of points and neighbors, as imbalanced-learn draws
    drawn = rng.integers(0, len(ends[0]), count)
    start, end = (points[rows[drawn]] for rows in ends)
    # one place for all coordinates keeps to the segment; one for each fills the box around it
    return np.asarray(start + rng.random((count, points.shape[1] if box else 1)) * (end - start))


def spread_of(points: Doubles) -> float:
    """Total variance: the trace of the covariance."""
    return float(points.var(0).sum())


def in_danger(points: Doubles, others: Doubles, k: int) -> Ints:
    """Rows of points (n, D) of whose k nearest half or more, but not all, are others (N, D).

    With all of them others, a point is taken for noise (Borderline-SMOTE).
    """
    share = (neighbors(points, k, others) >= len(points)).mean(1)
    return np.flatnonzero((share >= 1 / 2) & (share < 1))


@dataclass(frozen=True, eq=False)
class Imbalanced:
    """A rare class against all others, as vectors of pixels, features or main components."""

    label: str
    rare: Doubles  # (n, D)
    others: Doubles  # (N, D)
    added: Doubles  # to the rare images
    test: Doubles
    is_rare: Flags  # (test,)
    pixels: Callable[[Doubles], Doubles]  # of vectors (n, D)

    def fewer(self, count: int, rng: Generator) -> Imbalanced:
        """With so many of the others, drawn."""
        rows = np.sort(rng.permutation(len(self.others))[:count])
        return replace(self, others=self.others[rows])

    def along(self, count: int) -> Imbalanced:
        """As main components of the training images, at most so many."""
        mean, axes, _ = main_axes(np.concatenate([self.others, self.rare]), count)
        names = ("rare", "others", "added", "test")
        parts = {name: (getattr(self, name) - mean) @ axes for name in names}
        return replace(self, pixels=lambda points: self.pixels(points @ axes.T + mean), **parts)


def imbalanced(case: ExperimentCase, rare_count: int, *, features: bool = False) -> Imbalanced:
    """The rare class is the seed's; `rare_count` of its training images are drawn. Raises BadData.

    Features are shown as the training image that is nearest to them.
    """
    from scipy.spatial.distance import cdist

    data, label = case.data, case.seed % len(case.data.classes)
    train, test = require_rows(data, "train", 20), require_rows(data, "test", 20)
    order = np.random.default_rng([case.seed, 30]).permutation(train)
    rare = order[data.labels[order] == label][:rare_count]
    others = np.sort(order[data.labels[order] != label])
    images, is_rare = pixels(data, np.arange(len(data))), data.labels[test] == label
    if len(np.unique(images[rare], axis=0)) < 2 or not is_rare.any():
        raise BadData(
            f"SMOTE needs two different training images and a test image of "
            f"“{data.classes[label]}”: choose other data or another seed."
        )
    vectors, known = features_of(data) if features else images, np.concatenate([others, rare])
    return Imbalanced(
        data.classes[label],
        vectors[rare],
        vectors[others],
        vectors[:0],
        vectors[test],
        is_rare,
        lambda points: (
            images[known][cdist(points, vectors[known]).argmin(1)] if features else points
        ),
    )


def features_of(data: DataSet) -> Doubles:
    """What the last layer of the shipped network for this data sees, (N, D). Raises BadData."""
    names = [entry.name for entry in catalog.trained_on(data.name) if catalog.ships(entry.name)]
    if not names:
        raise BadData(
            f"No network that ships learned from {data.card.title}: choose pixels instead."
        )
    result = answer(Extract(), DataCase(catalog.load(names[0]), data))
    return np.asarray(result["features"].values, np.float64)
