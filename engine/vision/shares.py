"""A share of right answers with its interval, and what is reached without knowing anything."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]

DEVIATIONS = 3.0  # of luck, above its mean: the format was the best of many
MANY_CLASSES = 6  # a perfect network of C classes is C − 1 deviations above the mean


def wilson(right: int, images: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a share; 0 to 1 where there are no images."""
    if not images:
        return 0.0, 1.0
    from scipy.stats import binomtest

    interval = binomtest(right, images).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def majority_share(labels: Whole) -> float:
    """The share of the most frequent class: right without looking at an image."""
    return float(np.bincount(labels).max() / len(labels)) if len(labels) else 1.0


def confusion(predictions: Whole, labels: Whole, classes: int) -> NDArray[np.float64]:
    """Counts (labels, predictions)."""
    counts = np.zeros((classes, classes))
    np.add.at(counts, (labels, predictions), 1)
    return counts


def luck(predictions: Whole, labels: Whole, classes: int) -> float:
    """What a network reaches whose outputs belong to the classes in an order drawn at random.

    An untrained network often gives all images of a class one answer: by luck that is the right
    one for a class or two, which no interval over images notices. It is the mean of the share of
    right answers over all permutations of the outputs, and DEVIATIONS of its standard deviations
    (Hoeffding 1951, "A combinatorial central limit theorem"). With fewer than MANY_CLASSES classes
    a good network is hardly above luck, and 0 is given.
    """
    if classes < MANY_CLASSES or not len(labels):
        return 0.0
    shares = confusion(predictions, labels, classes) / len(labels)
    # Hoeffding's d_ij: of a sum along a random permutation, Σ d² / (C − 1) is the variance
    centered: Any = shares - shares.mean(0) - shares.mean(1)[:, None] + shares.mean()
    spread = np.sqrt((centered**2).sum() / (classes - 1))
    return float(shares.sum() / classes + DEVIATIONS * spread)
