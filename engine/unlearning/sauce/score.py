"""Which features stand for a concept, and which sets of as many features are held against them.

    S_j = μ_j(P) / Σ_i μ_i(P)  −  μ_j(Q) / Σ_i μ_i(Q)

μ_j is the mean of feature j over all tokens of images with the concept (P) or without it (Q): no
place in an image is told. The form is that of Cywiński and Deja 2025 (SAeUron), beside SAUCE's.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.core.result import Floats

SMALL = 1e-8
NEAR = 5  # features of about the same mean, among which a match is drawn

Ints = NDArray[np.int64]


class Ranked(NamedTuple):
    """Features from the highest score on, and the score of every feature, (M,) each."""

    order: Ints
    score: Floats


def scores(there: Floats, absent: Floats) -> Floats:
    """S of every feature, (M,), from its means with and without the concept, (M,) each."""
    # shares of all activity, so that busy scenes do not lift every feature
    result: Floats = there / (there.sum() + SMALL) - absent / (absent.sum() + SMALL)
    return result


def ranked(present_means: Floats, absent_means: Floats) -> Ranked:
    """The features by their scores for one concept."""
    score = scores(present_means, absent_means)
    return Ranked(top_features(score, len(score)), score)


def union(sets: Iterable[Ints]) -> Ints:
    """The features of several concepts, each once: the best of every one first."""
    ranks = zip(*sets, strict=True)
    return np.array(
        list(dict.fromkeys(int(feature) for rank in ranks for feature in rank)), np.int64
    )


def top_features(score: Floats, count: int) -> Ints:
    """The features with the highest scores, the first the highest."""
    return np.argsort(-score, kind="stable")[:count].astype(np.int64)


def random_features(width: int, taken: Ints, rng: np.random.Generator) -> Ints:
    """As many other features, each as likely."""
    others = np.setdiff1d(np.arange(width), taken)
    return rng.choice(others, min(len(taken), len(others)), replace=False)


def as_active(mean_activations: Floats, taken: Ints, rng: np.random.Generator) -> Ints:
    """For each taken feature one of the others whose mean is nearest to its own.

    Args:
        mean_activations: the mean of every feature, (M,).
        taken: the features to be matched.
        rng: which of the `NEAR` nearest is drawn.
    """
    free = np.setdiff1d(np.arange(len(mean_activations)), taken)
    results: list[int] = []
    # the most active first, since few others come near them
    for feature in sorted(taken.tolist(), key=lambda at: -mean_activations[at]):
        if not len(free):
            break
        nearest = np.argsort(
            np.abs(mean_activations[free] - mean_activations[feature]), kind="stable"
        )[:NEAR]
        results.append(int(free[rng.choice(nearest)]))
        free = free[free != results[-1]]
    return np.array(results, np.int64)


def total(mean_activations: Floats, features: Iterable[int]) -> float:
    """How active some features are together, as the sum of their means."""
    return float(mean_activations[list(features)].sum())
