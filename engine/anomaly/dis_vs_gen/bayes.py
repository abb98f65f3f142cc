"""Naive Bayes: a Gaussian for each class, with coordinates that are independent.

All classes share one variance for each coordinate, so that the classifier is linear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from engine.evaluation.detection.bank import Doubles, Ints


@dataclass(frozen=True, eq=False)
class Moments:
    """What naive Bayes needs of its data; the moments of two parts add up to those of both."""

    counts: Doubles  # (K,)
    means: Doubles  # (K, D)
    squares: Doubles  # (K, D), summed squared distances from the class's mean

    @classmethod
    def of(cls, points: Doubles, labels: Ints, classes: int) -> Moments:
        """Of points (n, D) with labels (n,); a class without points has zeros."""
        one_hot = labels[None] == np.arange(classes)[:, None]
        counts = one_hot.sum(1).astype(np.float64)
        means = one_hot @ points / np.maximum(counts, 1)[:, None]
        # around the mean: E[x²] − E[x]² would cancel for features that hardly vary
        return cls(counts, means, one_hot @ (points - means[labels]) ** 2)

    def __add__(self, other: Moments) -> Moments:
        """Those of both parts, by Chan's formula."""
        counts = self.counts + other.counts
        mean_shift, total_counts = other.means - self.means, np.maximum(counts, 1)[:, None]
        means = self.means + mean_shift * other.counts[:, None] / total_counts
        between = mean_shift**2 * (self.counts * other.counts)[:, None] / total_counts
        return Moments(counts, means, self.squares + other.squares + between)


@dataclass(frozen=True, eq=False)
class NaiveBayes:
    """A Gaussian for each class, with one variance for each coordinate that all classes share."""

    means: Doubles  # (K, D)
    variance: Doubles  # (D,)
    log_priors: Doubles  # (K,)

    @classmethod
    def of(cls, moments: Moments, floor: float) -> NaiveBayes:
        """Fitted; `floor` is added to every variance."""
        count = moments.counts.sum()
        with np.errstate(divide="ignore"):
            priors = np.log(moments.counts / count)
        # Σ_k π_k σ_k² with biased σ_k² is all squares over all points: one shared diagonal
        return cls(moments.means, moments.squares.sum(0) / count + floor, priors)

    @property
    def weights(self) -> Doubles:
        """Of the linear classifier that it is, (K, D)."""
        return self.means / self.variance

    @property
    def biases(self) -> Doubles:
        """Of the linear classifier that it is, (K,)."""
        return self.log_priors - (self.means**2 / self.variance).sum(1) / 2

    def apart(self, points: Doubles) -> Doubles:
        """Half the squared deviations from each class's mean, (n, K): −log p less constants."""
        lengths = (points**2 / self.variance).sum(1)[:, None] / 2
        means = (self.means**2 / self.variance).sum(1) / 2
        # ½ Σ (x − μ)²/σ² multiplied out: a matrix product, which can fall below 0 by rounding
        return np.maximum(lengths - points @ self.weights.T + means, 0)

    def joint(self, points: Doubles) -> Doubles:
        """log p(x, class), (n, K)."""
        shared_term = ((points**2) / self.variance + np.log(2 * np.pi * self.variance)).sum(1) / 2
        return points @ self.weights.T + self.biases - shared_term[:, None]

    def unusual(self, points: Doubles) -> Doubles:
        """−log p(x), nats, (n,): an outlier score."""
        return -np.asarray(logsumexp(self.joint(points), axis=1))
