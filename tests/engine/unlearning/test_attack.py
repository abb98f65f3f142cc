"""The attackers, derived again plainly from their definition."""

import math

import numpy as np
import pytest

from engine.evaluation.forgetting.attack import (
    FEATURES,
    Answers,
    attack,
    band,
    called_members,
    entropy,
    informative,
    matched,
    modified_entropy,
    privacy,
)
from engine.unlearning import ForgetCase, request
from engine.unlearning.protocol.metrics import evaluate_model, figures
from engine.vision.data.folders import read_folders
from engine.vision.training import Recipe, fresh
from tests.engine.unlearning.protection.test_own_folders import zipped


def answers(count, sharpness, seed, labels=None):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, count) if labels is None else labels
    logits = rng.normal(size=(count, 4))
    logits[np.arange(count), labels] += sharpness
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return Answers(shares, labels)


def test_the_official_attacker_is_that_of_the_published_code_written_again():
    from sklearn.svm import SVC

    retain, test, forget = answers(90, 4, 0), answers(40, 1, 1), answers(30, 2, 2)
    drawn = matched(retain, test)
    members, non_members = (s.probabilities[np.arange(len(s)), s.labels] for s in drawn)
    machine = SVC(C=3, gamma=1.0, kernel="rbf")  # auto is one over one feature
    machine.fit(
        [[member] for member in [*members, *non_members]],
        [1] * len(members) + [0] * len(non_members),
    )
    called = [machine.predict([[forget.probabilities[i, forget.labels[i]]]])[0] for i in range(30)]
    result = attack(retain, test, forget)
    assert result.efficacy == 1 - sum(called) / 30
    hits = np.mean(machine.predict(members[:, None]) == 1) / 2
    hits += np.mean(machine.predict(non_members[:, None]) == 0) / 2
    assert result.accuracy == pytest.approx(hits)
    assert result.informative


def test_official_counts_take_all_test_images_and_balanced_ones_as_many_as_stay():
    retain, test, forget = answers(40, 1, 0), answers(120, 1, 1), answers(60, 1, 2)
    official = attack(retain, test, forget, balanced=False)
    assert official.images == 40 + 120
    assert official.efficacy == 1  # three strangers to a member, and no difference between them
    balanced = attack(retain, test, forget)
    counts = [np.bincount(answer_set.labels, minlength=4) for answer_set in (retain, test)]
    assert balanced.images == 2 * np.minimum(*counts).sum()
    assert balanced.efficacy < 0.95
    assert official.accuracy == 0.5
    assert not official.informative


def test_an_attacker_on_answers_that_are_independent_of_the_data_is_at_the_base_rate():
    results = [
        attack(answers(300, 0, s), answers(300, 0, s + 100), answers(300, 0, s + 200)).efficacy
        for s in range(30)
    ]
    assert np.mean(results) == pytest.approx(0.5, abs=0.08)
    assert privacy(answers(400, 0, 1), answers(400, 0, 2)) == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("feature", FEATURES)
def test_on_data_in_the_order_of_their_classes_a_model_that_memorizes_nothing_is_at_chance(feature):
    """The first that stay are of the first classes, and the model is surer of these."""
    sharpness = [6.0, 4.0, 2.0, 0.0]  # the same for what it learned and for what it did not
    retain, test, forget = (
        answers(4 * count, np.repeat(sharpness, count), seed, np.repeat(np.arange(4), count))
        for count, seed in ((150, 10), (60, 20), (30, 30))
    )
    result = attack(retain, test, forget, feature)
    assert result.accuracy < 0.58
    mixed = np.random.default_rng(0).permutation(len(retain))
    shuffled = attack(retain[mixed], test, forget, feature)
    assert result.accuracy == pytest.approx(shuffled.accuracy, abs=0.05)
    assert privacy(retain, test, feature) == pytest.approx(0.5, abs=0.12)


def test_members_and_strangers_are_as_many_of_each_class_and_drawn_by_the_seed():
    retain, test = answers(200, 2, 0), answers(90, 2, 1)
    members, other_members = matched(retain, test, seed=3)
    np.testing.assert_array_equal(members.labels, other_members.labels)
    counts = [np.bincount(side.labels, minlength=4) for side in (retain, test)]
    np.testing.assert_array_equal(np.bincount(members.labels), np.minimum(*counts))
    for side, drawn in ((retain, members), (test, other_members)):
        rows = {tuple(row) for row in side.probabilities}
        assert len({tuple(row) for row in drawn.probabilities} & rows) == len(drawn)
    again, other = (matched(retain, test, seed)[0].probabilities for seed in (3, 4))
    np.testing.assert_array_equal(again, members.probabilities)
    assert not np.array_equal(other, members.probabilities)
    single_class = Answers(retain.probabilities, np.zeros(200, int))
    alone = Answers(test.probabilities, np.ones(90, int))
    assert [len(side) for side in matched(single_class, alone)] == [90, 90]


def test_the_band_around_chance_is_five_points_or_two_standard_errors():
    assert band(1000) == band(400) == 0.05
    assert band(100) == pytest.approx(2 * math.sqrt(0.25 / 100))
    figures = (0.55, 1000), (0.56, 1000), (0.58, 100), (0.44, 100), (0.38, 100)
    assert [informative(*figure) for figure in figures] == [False, True, False, False, True]


def test_images_of_a_zip_which_lie_in_the_order_of_its_folders_are_drawn_too():
    rng = np.random.default_rng(0)
    files = {
        f"{'ab'[at % 2]}/{at:03}.png": rng.integers(0, (255, 60)[at % 2], (8, 8, 3), np.uint8)
        for at in range(160)
    }
    data = read_folders(zipped(files), "mine.zip", 8).data
    assert (np.diff(data.labels[data.rows("train")]) >= 0).all()
    model = fresh(data, Recipe("mlp"), 0)  # has learned nothing: it tells bright from dark at most
    case = ForgetCase(model, data, request.at_random(data, 0.1), Recipe("mlp"))
    judgment = evaluate_model(model, case)
    minimum = 2 * min(np.bincount(data.labels[case.splits.test]))
    assert len(matched(judgment.retain, judgment.test)[0]) >= minimum
    assert not informative(figures(judgment)["attack accuracy"], 2 * minimum)


def test_modified_entropy_is_the_formula_image_by_image():
    sample = answers(20, 1, 3)
    for i in range(20):
        p, y = sample.probabilities[i], sample.labels[i]
        slow = -(1 - p[y]) * math.log(p[y])
        slow -= sum(p[j] * math.log(1 - p[j]) for j in range(4) if j != y)
        assert modified_entropy(sample)[i] == pytest.approx(slow)
        assert entropy(sample)[i] == pytest.approx(-sum(p * np.log(p)))
    sure = Answers(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 0]))
    assert np.isfinite(modified_entropy(sure)).all()
    assert modified_entropy(sure)[0] == 0 < modified_entropy(sure)[1]


@pytest.mark.parametrize("feature", FEATURES)
def test_what_was_learnt_by_heart_is_called_a_member_by_every_feature(feature):
    retain, test = answers(100, 9, 0), answers(100, 0, 1)
    known, strange = answers(50, 9, 2), answers(50, 0, 3)
    assert attack(retain, test, known, feature).efficacy < 0.1
    assert attack(retain, test, strange, feature).efficacy > 0.6


def test_the_attack_of_ssd_has_the_opposite_sense_and_one_image_each_is_enough():
    retain, test = answers(100, 9, 0), answers(80, 0, 1)
    assert called_members(retain, test, answers(50, 9, 2)) > 0.9
    assert called_members(retain, test, answers(50, 0, 3)) < 0.2
    single = answers(1, 5, 0)
    assert 0 <= attack(single, answers(1, 0, 1), answers(2, 1, 2)).efficacy <= 1
    assert math.isnan(privacy(single, answers(1, 0, 1)))
