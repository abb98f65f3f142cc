"""The Fréchet distance of two sets of features: FID on features of whichever network is asked."""

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def frechet(left: Doubles, right: Doubles) -> float:
    """‖m − n‖² + tr(S + T − 2 (S T)^½): how far apart the two sets are, taken for Gaussians.

    It is never 0 for two draws of the same images, and larger the fewer they are: compare it with
    the distance of real images that are as many.

    Args:
        left: features (n, D), n ≥ 2.
        right: features (m, D), m ≥ 2.

    Raises:
        ValueError: a set has fewer than two rows.
    """
    if min(len(left), len(right)) < 2:
        raise ValueError("a covariance needs two rows at least")
    mean_shift = left.mean(0) - right.mean(0)
    first, second = np.atleast_2d(np.cov(left.T)), np.atleast_2d(np.cov(right.T))
    # S T is not symmetric; S^½ T S^½ is, and has the same eigenvalues: real ones, found stably
    root = square_root(first)
    eigenvalues = np.linalg.eigvalsh(root @ second @ root)  # those of S T
    # tr (S T)^½ is the sum of their roots; rounding turns zeros of a singular one negative
    root_trace = np.sqrt(np.maximum(eigenvalues, 0.0)).sum()
    return float(mean_shift @ mean_shift + np.trace(first) + np.trace(second) - 2 * root_trace)


def square_root(covariance: Doubles) -> Doubles:
    """The symmetric root of a covariance (D, D)."""
    values, vectors = np.linalg.eigh(covariance)
    root: Doubles = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return root
