"""Mahalanobis and naive Bayes: closed forms, plain loops, and what has no variance."""

from math import log, prod

import numpy as np
import pytest
from scipy.stats import norm

from engine.anomaly import Mahalanobis, NaiveBayesDetector
from engine.anomaly.dis_vs_gen.naive_bayes import FeatureScale
from engine.evaluation.detection.mahalanobis import RIDGE, FeatureCovariance, mahalanobis_scores
from engine.evaluation.measures.detection import auroc
from tests.engine.anomaly.banks import bank, digits, random_bank, scores


def test_with_unit_covariance_it_is_the_squared_distance_to_the_nearest_mean():
    means = np.array([[1.0, 1.0], [3.0, 1.0]])
    points = np.array([[2.0, 3.0], [3.5, 2.5], [1.0, 1.0]])
    result = mahalanobis_scores(points, means, FeatureCovariance(np.ones(2), np.eye(2)))
    assert result.score == pytest.approx([5.0, 2.5, 0.0])
    corners = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])  # their covariance is the unit's
    train = bank((means[:, None] + corners).reshape(8, 2), labels=np.repeat([0, 1], 4))
    assert scores(Mahalanobis(), train, bank(points)) == pytest.approx([5.0, 2.5, 0.0], abs=1e-5)


def test_it_is_written_again_with_an_inverse_and_a_loop():
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 3
    features = rng.normal(size=(90, 4)) @ rng.normal(size=(4, 4)) + 3 * labels[:, None]
    train = bank(features, labels=labels)
    points = rng.normal(size=(7, 4)) * 5
    means = [features[labels == index].mean(0) for index in range(3)]
    moved = [z - means[y] for z, y in zip(features, labels, strict=True)]
    inverse = np.linalg.inv(sum(np.outer(z, z) for z in moved) / len(features))
    slow = [min((z - m) @ inverse @ (z - m) for m in means) for z in points]
    result = Mahalanobis().fit(train).rule(bank(points))
    assert result.score == pytest.approx(slow, rel=1e-9)
    assert sum(result.parts.values()) == pytest.approx(slow, rel=1e-9)


def test_it_does_not_change_when_features_are_stretched_and_turned():
    train, test_bank = random_bank(seed=1), random_bank(9, seed=2)
    turn = np.random.default_rng(3).normal(size=(8, 8))
    plain = Mahalanobis().fit(train).rule(test_bank).score
    fitted = Mahalanobis().fit(bank(train.features @ turn, labels=train.labels))
    assert fitted.rule(bank(test_bank.features @ turn)).score == pytest.approx(plain, rel=1e-6)


def test_a_normal_image_scores_the_number_of_dimensions_on_average():
    rng = np.random.default_rng(0)
    train = bank(rng.normal(size=(4000, 6)), labels=np.zeros(4000, int))
    fresh = bank(rng.normal(size=(4000, 6)))
    assert Mahalanobis().fit(train).rule(fresh).score.mean() == pytest.approx(6.0, abs=0.25)


def test_a_ridge_plain_distance_and_one_class_are_told():
    flat = np.random.default_rng(0).normal(size=(30, 5))
    flat[:, 3:] = 0
    fitted = Mahalanobis().fit(bank(flat, labels=np.zeros(30, int)))
    assert "only 3 of 5 directions" in fitted.notes[0]
    usual, strange = fitted.rule(bank([[0, 0, 0, 0, 0], [0, 0, 0, 1, 0]])).score
    assert np.isfinite([usual, strange]).all()
    assert strange > 100 * max(usual, 1.0)
    fitted = Mahalanobis().fit(bank(np.ones((5, 3)), labels=np.zeros(5, int)))
    assert "do not vary at all" in fitted.notes[0]
    assert fitted.rule(bank([[1.0, 1.0, 3.0]])).score == pytest.approx([4.0])
    assert any("one class" in note for note in Mahalanobis().fit(random_bank(labels=False)).notes)


def test_fewer_images_than_dimensions_are_measured_like_the_whole_matrix_with_its_ridge():
    rng = np.random.default_rng(0)
    few = rng.normal(size=(6, 9))
    points = rng.normal(size=(4, 9))
    fitted = Mahalanobis().fit(bank(few, labels=np.zeros(6, int)))
    assert "only 5 of 9 directions" in fitted.notes[0]
    moved = few - few.mean(0)
    covariance = moved.T @ moved / 6
    whole = np.linalg.inv(covariance + RIDGE * np.trace(covariance) / 9 * np.eye(9))
    slow = [(z - few.mean(0)) @ whole @ (z - few.mean(0)) for z in points]
    result = fitted.rule(bank(points))
    assert result.score == pytest.approx(slow)
    assert sum(result.parts.values()) == pytest.approx(slow)
    whole = np.linalg.inv(covariance + 0.2 * np.trace(covariance) / 9 * np.eye(9))
    slow = [(z - few.mean(0)) @ whole @ (z - few.mean(0)) for z in points]
    fitted = Mahalanobis(ridge=0.2).fit(bank(few, labels=np.zeros(6, int)))
    assert fitted.rule(bank(points)).score == pytest.approx(slow)
    assert not fitted.notes


@pytest.mark.parametrize(
    ("variances", "main"),
    [([8.0, 1.5, 0.5], 2), ([9.5, 0.3, 0.2], 1), ([4.0, 3.0, 3.0], 3), ([9.0, 1.0], 1)],
)
def test_the_main_directions_are_the_fewest_that_hold_nine_tenths_of_the_variance(variances, main):
    width = len(variances)
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=(width, width)))[0]
    points = np.random.default_rng(1).normal(size=(5, width))
    covariance = FeatureCovariance(np.array(variances), axes)
    result = mahalanobis_scores(points, np.zeros((1, width)), covariance)
    terms = (points @ axes) ** 2 / variances
    assert result.parts["main directions"] == pytest.approx(terms[:, :main].sum(1))
    assert result.parts["other directions"] == pytest.approx(terms[:, main:].sum(1), abs=1e-9)


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
        densities = [len(g) * prod(norm.pdf(point, g.mean(0), sigma)) for g in groups]
        results.append(log(len(scaled) * prod(norm.pdf(0, 0, sigma)) / sum(densities)))
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
    diagonal = FeatureCovariance(features.var(0) + FLOOR * np.ptp(features, axis=0) ** 2, np.eye(4))
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
    shuffled = np.random.default_rng(0).permutation(train.labels)
    mixed = bank(train.features, train.head.weight, labels=shuffled)
    control = NaiveBayesDetector().fit(mixed).rule
    assert auroc(control(known).score, control(unknown).score) < area - 0.05
