"""How Gaussian data are: in strips beside a border, and by Mardia's test."""

from dataclasses import dataclass

import numpy as np
from scipy.special import erf

from engine.anomaly.flat import Doubles

NORMAL = 1.96  # of Mardia's statistic, two-sided at 5 %


@dataclass(frozen=True, eq=False)
class BorderStrip:
    """The points near a border, by what is tested of them."""

    mass: float  # over a Gaussian's
    eigenvalues: Doubles  # ascending, of second moments along the border, (d − 1,)
    fourth: float  # largest fourth moment along an eigenvector, over a Gaussian's
    count: int
    directions: Doubles  # of the eigenvalues, (d, d − 1)


def expected(low: float, high: float) -> float:
    """Share of a Gaussian between two distances from a border through its middle, both sides."""
    # P(|z| ≤ t) = erf(t / √2)
    return float(erf(high / np.sqrt(2)) - erf(low / np.sqrt(2)))


def strip_statistics(points: Doubles, w: Doubles, low: float, high: float) -> BorderStrip:
    """What is tested of the points between two distances from the border of w (d,)."""
    across = abs(points @ w)
    inside = points[(across >= low) & (across < high)]
    along = np.linalg.svd(w[None])[2][1:].T  # (d, d − 1), an orthonormal base of the border
    placed = inside @ along
    count = len(inside)
    values, axes = np.linalg.eigh(placed.T @ placed / max(count, 1))
    # along eigenvectors only, where the theory asks every direction; ÷ 3, a Gaussian's
    fourth = ((placed @ axes) ** 4).mean(0).max() / 3 if count else 0.0
    mass = count / len(points) / expected(low, high)
    return BorderStrip(float(mass), values, float(fourth), count, along @ axes)


def mardia(points: Doubles) -> bool:
    """Whether the kurtosis is that of a Gaussian of any covariance, at 5 %."""
    n, d = points.shape
    centered = points - points.mean(0)
    # Mardia's kurtosis is defined with the biased covariance
    inverse = np.linalg.inv(centered.T @ centered / n)
    kurtosis = (np.einsum("ni,ij,nj->n", centered, inverse, centered) ** 2).mean()
    # of a Gaussian it is near normal with mean d (d + 2) and variance 8 d (d + 2) / n
    return bool(abs(kurtosis - d * (d + 2)) / np.sqrt(8 * d * (d + 2) / n) < NORMAL)
