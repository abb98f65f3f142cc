"""Mahalanobis: the distance to the nearest class mean, in units of how normal images vary.

    score = min_c (z − μ_c)ᵀ Σ⁻¹ (z − μ_c),   one Σ of all class-centered features

Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial
Attacks" (2018), https://arxiv.org/abs/1807.03888
"""

from dataclasses import dataclass

import numpy as np

from engine.core.method import Slider, setting
from engine.evaluation.detection.bank import Bank, Doubles, Ints
from engine.evaluation.detection.detector import Detector, Fitted, Scored

MAIN = 0.9  # of the variance lies in the main directions
SINGULAR = 1e-10  # smallest over largest variance below which Σ cannot be inverted
RIDGE = 1e-3  # of the mean variance, then added to every direction


@dataclass(frozen=True)
class Mahalanobis(Detector):
    """How far the features lie from the nearest class mean, squared, in units of normal variation.

    The number of feature dimensions is what a normal image scores on average. Its two terms are
    the part along the directions in which normal images vary most (nine tenths of the variance)
    and the part along the others. Every class is taken to vary alike.
    """

    name = "Mahalanobis"
    title = "Mahalanobis"
    paper = (
        "Lee et al., A Simple Unified Framework for Detecting Out-of-Distribution Samples and "
        "Adversarial Attacks (2018), https://arxiv.org/abs/1807.03888"
    )
    needs = frozenset({"normal", "head"})
    unit = "squared deviations"
    joined = "sum"
    proof = (
        "tests/engine/anomaly/test_mahalanobis.py"
        "::test_with_unit_covariance_it_is_the_squared_distance_to_the_nearest_mean"
    )

    ridge: float = setting(
        0.0,
        Slider(0.0, 1.0, 0.01),
        "Ridge",
        "Share of the mean variance that is added to every "
        "direction; 0 adds it only where the covariance cannot be inverted.",
    )

    def fit(self, train: Bank) -> Fitted:
        """Class means and the inverse of the shared covariance."""
        labels, notes = classes_of(train)
        means = np.stack([train.features[labels == label].mean(0) for label in np.unique(labels)])
        spread, spread_notes = spread_of(centered(train.features, labels), self.ridge)
        return Fitted(
            lambda bank: mahalanobis_scores(bank.features, means, spread), (*notes, *spread_notes)
        )


@dataclass(frozen=True, eq=False)
class FeatureCovariance:
    """How normal features vary: variances (r,), largest first, along axes (D, r).

    Every direction beside the axes varies by `rest`.
    """

    variances: Doubles
    axes: Doubles
    rest: float = 1.0


def classes_of(train: Bank) -> tuple[Ints, tuple[str, ...]]:
    """The label of each image; one class for all where the model's classes are not the images'."""
    if train.labels is not None:
        return np.asarray(train.labels, np.int64), ()
    note = "The normal images have no labels of this model, so they are taken as one class."
    return np.zeros(len(train), np.int64), (note,)


def centered(features: Doubles, labels: Ints) -> Doubles:
    """Features less the mean of their own class, (N, D)."""
    deviations = features.copy()
    for label in np.unique(labels):
        deviations[labels == label] -= features[labels == label].mean(0)
    return deviations


def spread_of(deviations: Doubles, ridge: float) -> tuple[FeatureCovariance, tuple[str, ...]]:
    """The covariance of centered features (N, D), and what had to be done to invert it."""
    count, width = deviations.shape
    if count < width:  # the axes beyond the images' own have no variance
        _, lengths, rows = np.linalg.svd(deviations, full_matrices=False)
        values, axes = lengths**2 / count, rows.T
    else:
        # ÷ N, the maximum-likelihood estimate, as scikit-learn's EmpiricalCovariance
        values, axes = np.linalg.eigh(deviations.T @ deviations / count)
        values, axes = np.maximum(values[::-1], 0.0), axes[:, ::-1]
    mean = float(values.sum() / width)
    if mean <= 0:
        note = "The normal images do not vary at all, so distances are taken as they are."
        return FeatureCovariance(np.ones_like(values), axes), (note,)
    # variances below rounding of the largest are noise: their inverse would decide alone
    rank = int((values > SINGULAR * values[0]).sum())
    if rank == width or ridge > 0:
        return FeatureCovariance(values + ridge * mean, axes, max(ridge, SINGULAR) * mean), ()
    note = (
        f"The normal images vary in only {rank} of {width} directions; {RIDGE:g} of the mean "
        "variance was added to each."
    )
    return FeatureCovariance(values + RIDGE * mean, axes, RIDGE * mean), (note,)


def mahalanobis_scores(features: Doubles, means: Doubles, spread: FeatureCovariance) -> Scored:
    """Squared distances to the nearest mean, parted at the main directions."""
    rotated, centers = features @ spread.axes, means @ spread.axes
    scale = np.sqrt(spread.variances)
    whitened, whitened_centers = rotated / scale, centers / scale
    # Pythagoras: what the axes do not hold of a distance lies beside them
    residual = (
        np.maximum(squared_distances(features, means) - squared_distances(rotated, centers), 0)
        / spread.rest
    )
    if spread.axes.shape[1] == features.shape[1]:
        residual = np.zeros_like(residual)
    # found by the quick formula; its terms are then taken from differences, which do not cancel
    nearest = (squared_distances(whitened, whitened_centers) + residual).argmin(1)
    terms = (whitened - whitened_centers[nearest]) ** 2
    share = np.cumsum(spread.variances) / spread.variances.sum()
    main = int(np.searchsorted(share, MAIN)) + 1
    inside = terms[:, :main].sum(1)
    outside = terms[:, main:].sum(1) + residual[np.arange(len(nearest)), nearest]
    return Scored(inside + outside, {"main directions": inside, "other directions": outside})


def squared_distances(rows: Doubles, others: Doubles) -> Doubles:
    """Squared distances (N, M) between rows (N, D) and (M, D)."""
    products = rows @ others.T
    return np.asarray((rows**2).sum(1)[:, None] - 2 * products + (others**2).sum(1))
