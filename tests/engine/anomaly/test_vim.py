"""ViM: its two limits, a re-derivation by the singular values, and small banks."""

import numpy as np
import pytest

from engine.anomaly import Energy, Head, ViM
from engine.anomaly.detectors.vim import fit, origin_of
from tests.engine.anomaly.banks import bank, random_bank, scores

TRAIN, QUERIES = random_bank(80), random_bank(12, seed=3)


def test_with_every_direction_it_is_the_energy():
    assert fit(TRAIN, 8).rule(QUERIES).score == pytest.approx(
        Energy().fit(TRAIN).rule(QUERIES).score
    )
    is_used = np.arange(8) < 4  # neither the images nor the head use the other four
    weight = TRAIN.head.weight * is_used
    train, test_bank = (
        bank(source.features * is_used, weight, TRAIN.head.bias) for source in (TRAIN, QUERIES)
    )
    energy = -np.log(np.exp(test_bank.logits).sum(1))
    assert scores(ViM(directions=4), train, test_bank) == pytest.approx(energy, rel=1e-5)


def test_it_is_written_again_by_singular_values():
    dimensions = 3
    head = TRAIN.head
    origin = -np.linalg.pinv(head.weight) @ head.bias
    *_, axes = np.linalg.svd(TRAIN.features - origin)

    def length(features):
        inside = (features - origin) @ axes[:dimensions].T @ axes[:dimensions]
        return np.linalg.norm(features - origin - inside, axis=1)

    alpha = TRAIN.logits.max(1).mean() / length(TRAIN.features).mean()
    slow = alpha * length(QUERIES.features) - np.log(np.exp(QUERIES.logits).sum(1))
    assert ViM(directions=dimensions).fit(TRAIN).rule(QUERIES).score == pytest.approx(slow)


def test_on_normal_images_the_residual_is_as_large_as_the_highest_logit():
    parts = ViM(directions=3).fit(TRAIN).rule(TRAIN).parts
    assert parts["residual"].mean() == pytest.approx(TRAIN.logits.max(1).mean())


def test_where_the_features_are_few_half_of_their_directions_are_taken():
    assert ViM(directions=256).fit(TRAIN).rule(QUERIES).score == pytest.approx(
        fit(TRAIN, 4).rule(QUERIES).score
    )


def test_what_normal_images_lack_makes_an_image_unusual():
    plane = random_bank(60).features
    plane[:, 6:] = 0
    weight = np.random.default_rng(5).normal(size=(3, 8))
    weight[:, 6:] = 0  # the head does not look there either
    rule = ViM(directions=5).fit(bank(plane, weight)).rule
    point = plane[:1].copy()
    point[0, 7] = 4.0
    assert rule(bank(point, weight)).score > rule(bank(plane, weight)).score.max()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_tiny_bank_is_told_and_gives_numbers(count):
    fitted = ViM(directions=4).fit(random_bank(count))
    assert np.isfinite(fitted.rule(QUERIES).score).all()
    assert fitted.notes


def test_identical_images_leave_no_residual():
    fitted = ViM(directions=2).fit(bank(np.ones((9, 8))))
    assert np.isfinite(fitted.rule(QUERIES).score).all()


@pytest.mark.parametrize("rows", [3, 8, 12])
def test_the_origin_is_the_pseudo_inverse_s_also_where_rows_depend_on_each_other(rows):
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(rows, 8)), rng.normal(size=rows)
    for head in (Head(weight, bias), Head(weight - weight.mean(0), bias - bias.mean())):
        assert origin_of(head) == pytest.approx(-np.linalg.pinv(head.weight) @ head.bias, abs=1e-6)
