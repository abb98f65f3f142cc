"""Detectors that read features: NNGuide, KNN and ViM, by plain searches and singular values."""

from dataclasses import replace

import numpy as np
import pytest

from engine.anomaly import KNN, Energy, Head, NNGuide, ViM
from engine.anomaly.detectors.vim import fit, origin_of
from engine.evaluation.detection import knn
from tests.engine.anomaly.banks import bank, random_bank, scores

TRAIN, QUERIES = random_bank(), random_bank(12, seed=3)


def cosine(first, other):
    return first @ other / np.linalg.norm(first) / np.linalg.norm(other)


def test_with_a_bank_of_one_it_is_two_energies_and_a_cosine():
    single = TRAIN.take(np.array([0]))
    energies = np.log(np.exp(QUERIES.logits).sum(1)), np.log(np.exp(single.logits).sum(1))
    slow = [
        -energy * energies[1][0] * cosine(z, single.features[0])
        for energy, z in zip(energies[0], QUERIES.features, strict=True)
    ]
    assert NNGuide(k=1).fit(single).rule(QUERIES).score == pytest.approx(slow)
    assert scores(NNGuide(k=1), single, QUERIES) == pytest.approx(slow, rel=1e-5)


def test_the_guide_is_the_mean_of_the_k_most_alike_and_fewer_are_told():
    energy = np.log(np.exp(TRAIN.logits).sum(1))
    z = QUERIES.features[0]
    likeness = [e * cosine(z, feature) for e, feature in zip(energy, TRAIN.features, strict=True)]
    parts = NNGuide(k=4).fit(TRAIN).rule(QUERIES).parts
    assert parts["guidance"][0] == pytest.approx(np.mean(sorted(likeness)[-4:]))
    fitted = NNGuide(k=10).fit(random_bank(2))
    assert "2 images" in fitted.notes[0]
    assert np.isfinite(fitted.rule(QUERIES).score).all()


def test_energies_below_zero_which_turn_the_likeness_around_are_told():
    assert not NNGuide().fit(TRAIN).notes
    low = replace(TRAIN, logits=TRAIN.logits - 100)
    assert f"{len(TRAIN)} of {len(TRAIN)} normal images" in NNGuide().fit(low).notes[0]
    # what the note is about: of one image twice, the less energy the more familiar
    twice = QUERIES.take(np.array([0, 0]))
    twice = replace(twice, logits=twice.logits - [[100], [200]])
    sure, unsure = NNGuide().fit(low).rule(twice).score
    assert twice.energy[0] > twice.energy[1]
    assert sure > unsure


@pytest.mark.parametrize("k", [1, 2, 5, 20])
def test_distances_are_those_of_a_plain_search(k):
    train, test_bank = random_bank(50, seed=1), random_bank(9, seed=2)
    slow = []
    for z in test_bank.features:
        units = [feature / np.linalg.norm(feature) for feature in (z, *train.features)]
        slow.append(sorted(np.linalg.norm(units[0] - other) for other in units[1:])[k - 1])
    result = KNN(k=k).fit(train).rule(test_bank)
    assert result.score == pytest.approx(slow, abs=1e-7)
    assert sum(result.parts.values()) == pytest.approx(slow, abs=1e-7)
    assert scores(KNN(k=k), train, test_bank) == pytest.approx(slow, abs=1e-6)


def test_a_member_is_its_own_neighbour_and_a_bank_smaller_than_k_takes_its_last_image():
    assert KNN(k=1).fit(TRAIN).rule(TRAIN).score == pytest.approx(0, abs=1e-6)
    fitted = KNN(k=50).fit(random_bank(3))
    assert "3 normal images" in fitted.notes[0]
    assert np.isfinite(fitted.rule(random_bank(4)).score).all()
    third = KNN(k=3).fit(random_bank(3)).rule(random_bank(4)).score
    assert fitted.rule(random_bank(4)).score == pytest.approx(third)


def test_many_images_are_asked_in_parts_with_the_same_answer(monkeypatch):
    whole = KNN().fit(TRAIN).rule(QUERIES).score
    monkeypatch.setattr(knn, "CHUNK", 5)
    assert KNN().fit(TRAIN).rule(QUERIES).score == pytest.approx(whole, abs=1e-12)


def test_with_every_direction_it_is_the_energy():
    energy = Energy().fit(TRAIN).rule(QUERIES).score
    assert fit(TRAIN, 8).rule(QUERIES).score == pytest.approx(energy)
    assert not fit(TRAIN, 8).notes
    is_used = np.arange(8) < 4  # neither the images nor the head use the other four
    weight = TRAIN.head.weight * is_used
    used = [source.features * is_used for source in (TRAIN, QUERIES)]
    train, test_bank = (bank(features, weight, TRAIN.head.bias) for features in used)
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


def test_the_residual_is_as_large_as_the_highest_logit_and_half_of_few_directions_are_taken():
    parts = ViM(directions=3).fit(TRAIN).rule(TRAIN).parts
    assert parts["residual"].mean() == pytest.approx(TRAIN.logits.max(1).mean())
    half = fit(TRAIN, 4).rule(QUERIES).score
    for directions in (8, 256):
        result = ViM(directions=directions).fit(TRAIN).rule(QUERIES).score
        assert result == pytest.approx(half)


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


def test_what_normal_images_lack_makes_an_image_unusual():
    plane = random_bank(60).features
    plane[:, 6:] = 0
    weight = np.random.default_rng(5).normal(size=(3, 8))
    weight[:, 6:] = 0  # the head does not look there either
    rule = ViM(directions=5).fit(bank(plane, weight)).rule
    point = plane[:1].copy()
    point[0, 7] = 4.0
    assert rule(bank(point, weight)).score > rule(bank(plane, weight)).score.max()
