"""The attackers, derived again plainly from their definition."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.unlearning.attack import (
    FEATURES,
    Answers,
    attack,
    called_members,
    entropy,
    modified_entropy,
    privacy,
)


def answers(count, sharpness, seed, classes=4):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    logits = rng.normal(size=(count, classes))
    logits[np.arange(count), labels] += sharpness
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return Answers(shares, labels)


def test_the_official_attacker_is_that_of_the_published_code_written_again():
    from sklearn.svm import SVC

    retain, test, forget = answers(90, 4, 0), answers(40, 1, 1), answers(30, 2, 2)
    members = np.array([retain.probabilities[i, retain.labels[i]] for i in range(40)])
    strangers = np.array([test.probabilities[i, test.labels[i]] for i in range(40)])
    machine = SVC(C=3, gamma=1.0, kernel="rbf")  # auto is one over one feature
    machine.fit(
        [[one] for one in [*members, *strangers]], [1] * len(members) + [0] * len(strangers)
    )
    called = [machine.predict([[forget.probabilities[i, forget.labels[i]]]])[0] for i in range(30)]
    found = attack(retain, test, forget)
    assert found.efficacy == 1 - sum(called) / 30
    hits = np.mean(machine.predict(members[:, None]) == 1) / 2
    hits += np.mean(machine.predict(strangers[:, None]) == 0) / 2
    assert found.accuracy == pytest.approx(hits)
    assert found.informative


def test_official_counts_take_all_test_images_and_balanced_ones_as_many_as_stay():
    retain, test, forget = answers(40, 1, 0), answers(120, 1, 1), answers(60, 1, 2)
    official = attack(retain, test, forget, balanced=False)
    assert official.efficacy == 1  # three strangers to a member, and no difference between them
    balanced = attack(retain, test, forget)
    assert balanced.efficacy < 0.95
    assert official.accuracy == 0.5
    assert not official.informative


def test_an_attacker_on_answers_that_are_independent_of_the_data_is_at_the_base_rate():
    found = [
        attack(answers(300, 0, s), answers(300, 0, s + 100), answers(300, 0, s + 200)).efficacy
        for s in range(30)
    ]
    assert np.mean(found) == pytest.approx(0.5, abs=0.08)
    assert privacy(answers(400, 0, 1), answers(400, 0, 2)) == pytest.approx(0.5, abs=0.08)


def test_modified_entropy_is_the_formula_image_by_image():
    said = answers(20, 1, 3)
    for i in range(20):
        p, y = said.probabilities[i], said.labels[i]
        slow = -(1 - p[y]) * math.log(p[y])
        slow -= sum(p[j] * math.log(1 - p[j]) for j in range(4) if j != y)
        assert modified_entropy(said)[i] == pytest.approx(slow)
        assert entropy(said)[i] == pytest.approx(-sum(one * math.log(one) for one in p))
    sure = Answers(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 0]))
    assert np.isfinite(modified_entropy(sure)).all()
    assert modified_entropy(sure)[0] == 0 < modified_entropy(sure)[1]


@pytest.mark.parametrize("feature", FEATURES)
def test_what_was_learnt_by_heart_is_called_a_member_by_every_feature(feature):
    retain, test = answers(100, 9, 0), answers(100, 0, 1)
    known, strange = answers(50, 9, 2), answers(50, 0, 3)
    assert attack(retain, test, known, feature).efficacy < 0.1
    assert attack(retain, test, strange, feature).efficacy > 0.6


def test_the_attack_of_ssd_has_the_opposite_sense():
    retain, test = answers(100, 9, 0), answers(80, 0, 1)
    assert called_members(retain, test, answers(50, 9, 2)) > 0.9
    assert called_members(retain, test, answers(50, 0, 3)) < 0.2


def test_one_image_each_is_enough_for_the_attack_and_too_few_for_two_halves():
    one = answers(1, 5, 0)
    assert 0 <= attack(one, answers(1, 0, 1), answers(2, 1, 2)).efficacy <= 1
    assert math.isnan(privacy(one, answers(1, 0, 1)))
