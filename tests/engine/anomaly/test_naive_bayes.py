"""Naive Bayes as a detector: densities multiplied one by one, and what has no variance."""

from __future__ import annotations

from math import log, prod

import numpy as np
import pytest
from scipy.stats import norm

from engine.anomaly import Mahalanobis, NaiveBayesDetector
from engine.anomaly.detectors.mahalanobis import FeatureCovariance, mahalanobis_scores
from engine.anomaly.detectors.naive_bayes import FeatureScale
from engine.measures.detection import auroc
from tests.engine.anomaly.banks import bank, digits, random_bank, scores

FLOOR = NaiveBayesDetector().floor


def by_hand(train, asked, floor=FLOOR):
    """−log Σ_c π_c Π_d N(z_d; μ_cd, σ_d), less the density at a mean, with plain loops."""
    low, high = train.features.min(0), train.features.max(0)
    scaled, points = ((part.features - low) / (high - low) for part in (train, asked))
    groups = [scaled[train.labels == label] for label in np.unique(train.labels)]
    squares = sum(((group - group.mean(0)) ** 2).sum(0) for group in groups)
    sigma = np.sqrt(squares / len(scaled) + floor)
    results = []
    for point in points:
        densities = [
            len(group) / len(scaled) * prod(norm.pdf(point, group.mean(0), sigma))
            for group in groups
        ]
        results.append(-log(sum(densities)) + log(prod(norm.pdf(0, 0, sigma))))
    return results


def test_it_is_minus_the_log_of_densities_that_are_multiplied_one_by_one():
    train, test_bank = random_bank(60, seed=1), random_bank(12, seed=2)
    assert len(np.unique(train.labels)) == 3
    expected = by_hand(train, test_bank)
    assert scores(NaiveBayesDetector(), train, test_bank) == pytest.approx(expected, rel=1e-5)
    wide = by_hand(train, test_bank, 0.1)
    assert scores(NaiveBayesDetector(floor=0.1), train, test_bank) == pytest.approx(wide, rel=1e-5)
    assert max(expected) > 2 * max(wide)


def test_its_terms_are_the_deviation_and_how_rare_the_class_is_less_what_others_add():
    train = random_bank(seed=1)
    labels = np.r_[np.zeros(45, int), np.ones(15, int)]
    rule = NaiveBayesDetector().fit(bank(train.features, labels=labels)).rule
    parts = rule(random_bank(20, seed=2)).parts
    assert (parts["deviation"] >= 0).all()
    assert (parts["classes"] <= -log(15 / 60) + 1e-12).all()
    assert (parts["classes"] >= -log(45 / 60) - log(2) - 1e-12).any()
    alone = NaiveBayesDetector().fit(bank(train.features, labels=np.zeros(60, int))).rule
    assert alone(random_bank(20, seed=2)).parts["classes"] == pytest.approx(0, abs=1e-12)


def test_with_one_class_it_is_half_of_mahalanobis_with_a_diagonal_covariance():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(80, 4)) * (1, 2, 3, 4)
    train, test_bank = bank(features, labels=np.zeros(80, int)), bank(rng.normal(size=(9, 4)))
    spans = np.ptp(features, axis=0)
    diagonal = FeatureCovariance(features.var(0) + FLOOR * spans**2, np.eye(4))
    expected = mahalanobis_scores(test_bank.features, features.mean(0)[None], diagonal).score
    result = NaiveBayesDetector().fit(train).rule(test_bank).score
    assert 2 * result == pytest.approx(expected, rel=1e-9)
    assert result != pytest.approx(Mahalanobis().fit(train).rule(test_bank).score / 2, rel=1e-2)


def test_a_feature_that_never_varies_speaks_by_the_floor_and_the_others_span():
    flat = np.random.default_rng(0).normal(size=(30, 3))
    flat[:, 2] = 5.0
    rule = NaiveBayesDetector().fit(bank(flat, labels=np.zeros(30, int))).rule
    usual, strange = rule(bank([[0, 0, 5.0], [0, 0, 6.0]])).score
    least = np.median(np.ptp(flat, axis=0)[:2]) / 10
    assert strange - usual == pytest.approx(1 / least**2 / (2 * FLOOR))
    mostly = np.c_[flat, np.full((30, 3), 1.0)]  # most features never vary
    mostly[:, 1] *= 1e-6
    scale = FeatureScale.of(mostly)
    varied = np.ptp(mostly, axis=0)[:2]
    assert scale.span == pytest.approx(np.maximum([*varied, 0, 0, 0, 0], np.median(varied) / 10))


def test_one_image_and_images_without_labels_are_enough():
    detector = NaiveBayesDetector().fit(bank(np.ones((1, 3)), labels=np.zeros(1, int)))
    assert detector.rule(bank([[1.0, 1.0, 1.0]])).score == pytest.approx([0])
    without = NaiveBayesDetector().fit(random_bank(labels=False))
    assert any("one class" in note for note in without.notes)
    assert np.isfinite(without.rule(random_bank(5, seed=3)).score).all()


def test_unknown_digits_are_less_likely_and_shuffled_labels_tell_less():
    train, known, unknown = digits(0)
    rule = NaiveBayesDetector().fit(train).rule
    area = auroc(rule(known).score, rule(unknown).score)
    assert area > 0.85
    mixed = bank(
        train.features, train.head.weight, labels=np.random.default_rng(0).permutation(train.labels)
    )
    control = NaiveBayesDetector().fit(mixed).rule
    assert auroc(control(known).score, control(unknown).score) < area - 0.05
