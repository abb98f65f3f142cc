"""Mahalanobis: closed forms, a plain re-derivation, and what cannot be inverted."""

import numpy as np
import pytest

from engine.anomaly import Mahalanobis
from engine.anomaly.detectors.mahalanobis import RIDGE, FeatureCovariance, mahalanobis_scores
from tests.engine.anomaly.banks import bank, random_bank, scores


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
    covariance = sum(
        np.outer(z - means[y], z - means[y]) for z, y in zip(features, labels, strict=True)
    ) / len(features)
    inverse = np.linalg.inv(covariance)
    slow = [min((z - m) @ inverse @ (z - m) for m in means) for z in points]
    result = Mahalanobis().fit(train).rule(bank(points))
    assert result.score == pytest.approx(slow, rel=1e-9)
    assert sum(result.parts.values()) == pytest.approx(slow, rel=1e-9)


def test_it_does_not_change_when_features_are_stretched_and_turned():
    train, test_bank = random_bank(seed=1), random_bank(9, seed=2)
    turn = np.random.default_rng(3).normal(size=(8, 8))
    plain = Mahalanobis().fit(train).rule(test_bank).score
    turned = (
        Mahalanobis()
        .fit(bank(train.features @ turn, labels=train.labels))
        .rule(bank(test_bank.features @ turn))
    )
    assert turned.score == pytest.approx(plain, rel=1e-6)


def test_a_normal_image_scores_the_number_of_dimensions_on_average():
    rng = np.random.default_rng(0)
    train = bank(rng.normal(size=(4000, 6)), labels=np.zeros(4000, int))
    fresh = bank(rng.normal(size=(4000, 6)))
    assert Mahalanobis().fit(train).rule(fresh).score.mean() == pytest.approx(6.0, abs=0.25)


def test_a_covariance_that_cannot_be_inverted_gets_a_ridge_and_says_so():
    flat = np.random.default_rng(0).normal(size=(30, 5))
    flat[:, 3:] = 0
    fitted = Mahalanobis().fit(bank(flat, labels=np.zeros(30, int)))
    assert "only 3 of 5 directions" in fitted.notes[0]
    usual, strange = fitted.rule(bank([[0, 0, 0, 0, 0], [0, 0, 0, 1, 0]])).score
    assert np.isfinite([usual, strange]).all()
    assert strange > 100 * max(usual, 1.0)


def test_identical_images_are_measured_by_plain_distance():
    fitted = Mahalanobis().fit(bank(np.ones((5, 3)), labels=np.zeros(5, int)))
    assert "do not vary at all" in fitted.notes[0]
    assert fitted.rule(bank([[1.0, 1.0, 3.0]])).score == pytest.approx([4.0])


def test_without_labels_all_images_are_one_class():
    fitted = Mahalanobis().fit(random_bank(labels=False))
    assert any("one class" in note for note in fitted.notes)


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


@pytest.mark.parametrize(
    ("variances", "main"),
    [([8.0, 1.5, 0.5], 2), ([9.5, 0.3, 0.2], 1), ([4.0, 3.0, 3.0], 3), ([9.0, 1.0], 1)],
)
def test_the_main_directions_are_the_fewest_that_hold_nine_tenths_of_the_variance(variances, main):
    width = len(variances)
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=(width, width)))[0]
    points = np.random.default_rng(1).normal(size=(5, width))
    result = mahalanobis_scores(
        points, np.zeros((1, width)), FeatureCovariance(np.array(variances), axes)
    )
    terms = (points @ axes) ** 2 / variances
    assert result.parts["main directions"] == pytest.approx(terms[:, :main].sum(1))
    assert result.parts["other directions"] == pytest.approx(terms[:, main:].sum(1), abs=1e-9)
