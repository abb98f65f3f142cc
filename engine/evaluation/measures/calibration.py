"""Whether a model's probabilities mean what they say.

The confidence of an answer is the softmax probability of the class that it gives. In bins of
confidence, ECE = Σ_b (n_b ÷ n) · |accuracy_b − confidence_b| and MCE is the largest of these
differences. Brier = mean of Σ_k (p_k − y_k)². Adaptive bins hold equally many images each.

Guo et al., "On Calibration of Modern Neural Networks" (2017), https://arxiv.org/abs/1706.04599
"""

from dataclasses import dataclass
from math import exp

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BlindspotError
from engine.core.result import Array

BINS = 15
COLDEST, HOTTEST = 0.05, 20.0  # between which a temperature is looked for

Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Calibration:
    """How probabilities and hits agree.

    Args:
        accuracy: share of right answers.
        ece, adaptive_ece, mce: in shares, from 0 to 1.
        brier: from 0 to 2.
        nll: mean −log of the right class's probability, in nats.
        confidence, hits: the mean of each bin of equal width, (BINS,); NaN in empty ones.
        counts: images in each bin, (BINS,).
    """

    accuracy: float
    ece: float
    adaptive_ece: float
    mce: float
    brier: float
    nll: float
    confidence: Doubles
    hits: Doubles
    counts: NDArray[np.int64]


def calibration(logits: Array, labels: Array, temperature: float = 1.0) -> Calibration:
    """The calibration of logits (n, classes) against labels (n,).

    Raises:
        BlindspotError: there are no images.
    """
    if not len(logits):
        raise BlindspotError("Calibration needs at least one image.")
    log_probabilities = log_softmax(logits, temperature)
    probabilities = np.exp(log_probabilities)
    rows = np.arange(len(labels))
    confidence = probabilities.max(1)
    hit = (probabilities.argmax(1) == labels).astype(np.float64)
    bin_numbers = np.clip(
        np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1
    )  # bins (low, high]
    counts, means, hits = binned(bin_numbers, confidence, hit, BINS)
    gaps = np.abs(hits - means)
    # by rank, not by quantiles of the confidence: ties would make edges coincide and bins empty
    ranks = np.empty(len(rows), int)
    ranks[np.argsort(confidence, kind="stable")] = rows
    equal_mass = binned(ranks * BINS // len(rows), confidence, hit, BINS)
    truth = np.zeros_like(probabilities)
    truth[rows, labels] = 1
    return Calibration(
        accuracy=float(hit.mean()),
        # an empty bin is NaN, also times its 0 images: it adds nothing
        ece=float(np.nansum(gaps * counts) / len(rows)),
        adaptive_ece=float(
            np.nansum(np.abs(equal_mass[2] - equal_mass[1]) * equal_mass[0]) / len(rows)
        ),
        mce=float(np.nanmax(gaps)),
        brier=float(np.square(probabilities - truth).sum(1).mean()),
        nll=float(-log_probabilities[rows, labels].mean()),
        confidence=means,
        hits=hits,
        counts=counts,
    )


def binned(
    place: NDArray[np.int64], confidence: Doubles, hit: Doubles, bins: int
) -> tuple[NDArray[np.int64], Doubles, Doubles]:
    """Counts and means of each bin; NaN where a bin is empty."""
    counts = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = np.bincount(place, confidence, bins) / counts
        hits = np.bincount(place, hit, bins) / counts
    return counts, means, hits


def log_softmax(logits: Array, temperature: float = 1.0) -> Doubles:
    """Log probabilities of logits ÷ temperature, in float64."""
    scaled = np.asarray(logits, np.float64) / temperature
    # log-sum-exp: the largest term is exp(0), so a cold temperature cannot overflow
    scaled = scaled - scaled.max(1, keepdims=True)
    return scaled - np.log(np.exp(scaled).sum(1, keepdims=True))


def fitted_temperature(logits: Array, labels: Array) -> float:
    """The temperature whose probabilities make held-out labels most likely.

    Raises:
        BlindspotError: there are no images to fit it on.
    """
    from scipy.optimize import minimize_scalar

    if not len(logits):
        raise BlindspotError("A temperature is fitted on validation images, and there are none.")
    rows = np.arange(len(labels))

    # over log T, where halving and doubling are equal steps; the NLL is convex in 1 / T, so a
    # local minimum is the minimum
    def nll(log_temperature: float) -> float:
        return float(-log_softmax(logits, exp(log_temperature))[rows, labels].mean())

    ends = np.log(COLDEST), np.log(HOTTEST)
    result = minimize_scalar(nll, bounds=ends, method="bounded", options={"xatol": 1e-6})
    return float(exp(result.x))
