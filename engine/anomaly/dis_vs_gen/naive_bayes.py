"""Naive Bayes: how unlikely the features are where each class is a Gaussian of independent ones.

    score = −log Σ_c π_c exp(−½ Σ_d (z_d − μ_cd)² / σ_d²),   π_c the share of class c

This is −log p(z) less a constant that all images share. Zheng et al., "Revisiting Discriminative
vs. Generative Classifiers: Theory and Implications" (2023), https://arxiv.org/abs/2302.02334
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.anomaly.dis_vs_gen.bayes import Moments, NaiveBayes
from engine.core.method import Slider, setting
from engine.evaluation.detection.bank import Bank, Doubles, logsumexp
from engine.evaluation.detection.detector import Detector, Fitted, Scored
from engine.evaluation.detection.mahalanobis import classes_of

LEAST = 0.1  # of the median span; ours


@dataclass(frozen=True, eq=False)
class FeatureScale:
    """Brings features (N, D) to [0, 1] by the lowest and highest of normal images."""

    low: Doubles  # (D,)
    span: Doubles  # (D,)

    @classmethod
    def of(cls, features: Doubles) -> FeatureScale:
        """No feature's span counts less than LEAST of the median of those that vary.

        Else one that is nearly always 0, as after a rectifier, would decide alone where it is not.
        """
        low = features.min(0)
        span = features.max(0) - low
        varied = span[span > 0]
        return cls(low, np.maximum(span, LEAST * np.median(varied)) if len(varied) else span + 1)

    def __call__(self, features: Doubles) -> Doubles:
        """Normal images lie in [0, 1], others anywhere."""
        return np.asarray((features - self.low) / self.span)


@dataclass(frozen=True)
class NaiveBayesDetector(Detector):
    """How unlikely the features are to a naive Bayes classifier of the normal images.

    It models what images of each class look like to the last layer: a mean for each class, and for
    each feature one variance that all classes share. Features are taken to vary independently,
    which they do not, so the number, in nats, ranks images and is no true density. Its two terms
    are half the squared deviations from the most likely class, and how rare that class is, less
    what the other classes add.
    """

    name = "NaiveBayes"
    title = "Naive Bayes"
    paper = (
        "Zheng et al., Revisiting Discriminative vs. Generative Classifiers: Theory and "
        "Implications (2023), https://arxiv.org/abs/2302.02334"
    )
    needs = frozenset({"normal", "head"})
    unit = "nat"
    joined = "sum"
    proof = (
        "tests/engine/anomaly/test_mahalanobis.py"
        "::test_it_is_minus_the_log_of_densities_that_are_multiplied_one_by_one"
    )

    floor: float = setting(
        1e-3,
        Slider(1e-9, 0.1, 1e-9, log=True),
        "Floor of the variance",
        "Is added to every "
        "feature's variance, with features scaled to [0, 1] by the normal images; at the lowest, "
        "features that hardly vary decide alone.",
    )

    def fit(self, train: Bank) -> Fitted:
        """Class means and shares, and the shared variance of each feature."""
        labels, notes = classes_of(train)
        classes, class_indices = np.unique(labels, return_inverse=True)
        scale = FeatureScale.of(train.features)
        moments = Moments.of(scale(train.features), class_indices, len(classes))
        model = NaiveBayes.of(moments, self.floor)
        return Fitted(lambda bank: bayes_scores(model, scale(bank.features)), notes)


def bayes_scores(model: NaiveBayes, points: Doubles) -> Scored:
    """The score of scaled features (N, D), and its two terms."""
    distances = model.apart(points)
    # log det Σ and 2π are left out: they are the same for all classes and images
    log_joint = model.log_priors - distances
    deviation = distances[np.arange(len(points)), log_joint.argmax(1)]
    score = -logsumexp(log_joint)
    return Scored(score, {"deviation": deviation, "classes": score - deviation})
