"""The figures of a model that is to have forgotten, derived again slowly."""

from __future__ import annotations

import math
from copy import deepcopy

import numpy as np
import pytest
import torch

from engine import data as data_sets
from engine.models.small import build
from engine.unlearning import forget_case, request
from engine.unlearning.protocol.attack import Answers
from engine.unlearning.protocol.metrics import (
    GAP,
    attack_rate,
    attacks,
    divergence,
    evaluate_model,
    figures,
    forgetting,
    gap,
    keeping,
    nearness,
    variation,
    zero_forgetting,
)
from tests.engine.unlearning.trained import RECIPE, class_case, original


def untrained(model, seed=5):
    twin = deepcopy(model)
    twin.network.load_state_dict(build("lenet", twin.network.shape, seed).state_dict())
    return twin


def test_shares_are_those_of_a_plain_count(case):
    result = figures(evaluate_model(case.model, case))
    for name, rows in (("RA", case.splits.retain), ("TA", case.splits.test)):
        hits = 0
        for row in rows[:400]:
            logits = case.model.logits(case.data.pixels(np.array([row])))
            hits += int(logits[0].argmax()) == case.data.labels[row]
        assert result[name] == pytest.approx(hits / len(rows[:400]), abs=0.06)
    judgment = evaluate_model(case.model, case)
    assert result["UA"] == 1 - judgment.forget.right.mean()
    assert len(judgment.gone) == len(case.splits.gone)
    assert result["UA"] < 0.05
    assert result["RA"] > 0.95


def test_of_a_mode_three_kinds_of_test_images_are_counted_apart():
    data = data_sets.load("digits+merged")
    case = forget_case(original("digits+merged"), data, request.of_mode(data, 0, "4"), RECIPE)
    result = figures(evaluate_model(case.model, case))
    digit, test = data.truth["class_before"].astype(int), data.rows("test")
    right = case.model.logits(data.pixels(test)).argmax(1).numpy() == data.labels[test]
    digit = digit[test]
    for name, rows in (
        ("mode still right", digit == 4),
        ("rest of the class", (digit % 2 == 0) & (digit != 4)),
        ("other classes", digit % 2 == 1),
    ):
        assert result[name] == pytest.approx(right[rows].mean())
    assert result["TA"] == pytest.approx(right[digit != 4].mean())
    assert "TA of the class" not in result
    assert "other classes" not in figures(evaluate_model(class_case().model, class_case()))


def test_a_model_with_random_weights_forgets_all_and_is_not_first(case):
    result = figures(evaluate_model(untrained(case.model), case))
    retrained = {"UA": 1.0, "MIA": 1.0, "RA": 0.99, "TA": 0.97}  # about what digits give
    assert result["UA"] > 0.5
    assert result["RA"] < 0.4
    assert gap(result, retrained) > 0.25


def test_the_gap_is_the_mean_of_four_differences():
    first = {"UA": 0.1, "MIA": 0.2, "RA": 0.9, "TA": 0.8}
    second = {"UA": 0.2, "MIA": 0.0, "RA": 1.0, "TA": 0.8}
    assert gap(first, second) == pytest.approx((0.1 + 0.2 + 0.1 + 0) / 4)
    assert gap(first, first) == 0
    assert len(GAP) == 4


def test_divergence_and_variation_are_their_formulas():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(4), 6), rng.dirichlet(np.ones(4), 6)
    first, second = Answers(p, np.zeros(6, int)), Answers(q, np.zeros(6, int))
    slow = np.mean(
        [
            sum(a * math.log(a / b) for a, b in zip(x, y, strict=True))
            for x, y in zip(p, q, strict=True)
        ]
    )
    assert divergence(first, second) == pytest.approx(slow)
    assert divergence(first, first) == 0
    assert variation(first, second) == pytest.approx(np.abs(p - q).sum() / 12)
    sure = Answers(np.eye(2), np.array([0, 1]))
    assert variation(sure, Answers(np.eye(2)[::-1], np.array([0, 1]))) == 1
    assert math.isfinite(divergence(sure, Answers(np.eye(2)[::-1], np.array([0, 1]))))


def test_zero_forgetting_is_one_for_the_same_answers_and_zero_for_opposite_ones():
    sure = Answers(np.eye(2), np.array([0, 1]))
    other = Answers(np.eye(2)[::-1], np.array([0, 1]))
    assert zero_forgetting(sure, sure) == 1
    assert zero_forgetting(sure, other) == pytest.approx(0)
    p, q = np.array([0.7, 0.3]), np.array([0.2, 0.8])
    m = (p + q) / 2
    js = ((p * np.log2(p / m)).sum() + (q * np.log2(q / m)).sum()) / 2
    score = zero_forgetting(Answers(p[None], np.array([0])), Answers(q[None], np.array([0])))
    assert score == pytest.approx(1 - js)


def test_all_attacks_and_distances_are_numbers(case):
    judgment, other = evaluate_model(case.model, case), evaluate_model(untrained(case.model), case)
    assert all(0 <= value <= 1 for value in attacks(judgment).values())
    near = nearness(judgment, judgment)
    assert near == dict.fromkeys(near, 0.0)
    assert nearness(judgment, other)["KL forget"] > 0.5
    assert judgment.finite


def test_a_planted_back_door_opens_until_the_model_is_another():
    name = "digits+poisoned:share=0.1,target=2"
    data = data_sets.load(name)
    model = original(name, RECIPE)
    case = forget_case(model, data, request.planted(data), RECIPE)
    clean = original("digits", RECIPE)
    assert attack_rate(model, case) > 0.8
    assert attack_rate(clean, case) < 0.2
    assert math.isnan(attack_rate(clean, class_case()))


def test_weights_that_are_no_numbers_are_told(case):
    broken = deepcopy(case.model)
    with torch.no_grad():
        next(broken.parameters()).fill_(float("nan"))
    assert not evaluate_model(broken, case).finite


def test_forgetting_and_keeping_fall_by_how_far_each_share_is_off_either_way():
    goal = {"UA": 0.9, "RA": 0.8, "TA": 0.6}
    for off in (-0.1, 0.1):
        assert forgetting(goal | {"UA": 0.9 + off}, goal) == pytest.approx(0.9)
        assert keeping(goal | {"RA": 0.8 + off}, goal) == pytest.approx(0.95)
        assert keeping(goal | {"TA": 0.6 + 3 * off}, goal) == pytest.approx(0.85)
    assert keeping({"UA": 0, "RA": 0.7, "TA": 0.7}, goal) == pytest.approx(0.9)
