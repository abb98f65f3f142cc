"""The figures of a model that is to have forgotten, derived again slowly; a model's own images."""

import math
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine import unlearning
from engine.core.result import Table
from engine.core.run import answer
from engine.evaluation.forgetting.attack import Answers
from engine.unlearning.diagnostics import own_images
from engine.unlearning.diagnostics.base import compared_models
from engine.unlearning.diagnostics.own_images import COLUMNS, OwnImages, broken, is_right, refusal
from engine.unlearning.protocol import metrics
from engine.unlearning.ways.network import untrained
from engine.vision import data as data_sets
from tests.engine.unlearning.trained import RECIPE, class_case, original
from tests.refusals import assert_refused


def figures(case, model=None):
    return metrics.figures(metrics.evaluate_model(model or case.model, case))


def test_shares_are_those_of_a_plain_count(case):
    judgment = metrics.evaluate_model(case.model, case)
    result, splits = metrics.figures(judgment), case.splits
    right = case.model.logits(case.data.pixels()).argmax(1).numpy() == case.data.labels
    expected = {"RA": right[splits.retain], "TA": right[splits.test], "UA": ~right[splits.forget]}
    for name, counted in expected.items():
        assert result[name] == pytest.approx(counted.mean())
    assert len(judgment.gone) == len(splits.gone)
    assert result["UA"] < 0.05
    assert result["RA"] > 0.95


def test_of_a_mode_three_kinds_of_test_images_are_counted_apart():
    data = data_sets.load("digits+merged")
    mode = unlearning.request.of_mode(data, 0, "4")
    case = unlearning.forget_case(original("digits+merged"), data, mode, RECIPE)
    result = figures(case)
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
    assert "other classes" not in figures(class_case())


def test_a_model_with_random_weights_forgets_all_and_is_not_first(case):
    result = figures(case, untrained(case.model, 5))
    retrained = {"UA": 1.0, "MIA": 1.0, "RA": 0.99, "TA": 0.97}  # about what digits give
    assert result["UA"] > 0.5
    assert result["RA"] < 0.4
    assert metrics.gap(result, retrained) > 0.25


def test_the_gap_is_the_mean_of_four_differences_and_forgetting_and_keeping_fall_by_theirs():
    first = {"UA": 0.1, "MIA": 0.2, "RA": 0.9, "TA": 0.8}
    second = {"UA": 0.2, "MIA": 0.0, "RA": 1.0, "TA": 0.8}
    assert metrics.gap(first, second) == pytest.approx((0.1 + 0.2 + 0.1 + 0) / 4)
    assert metrics.gap(first, first) == 0
    assert len(metrics.GAP) == 4
    goal = {"UA": 0.9, "RA": 0.8, "TA": 0.6}
    for off in (-0.1, 0.1):
        assert metrics.forgetting(goal | {"UA": 0.9 + off}, goal) == pytest.approx(0.9)
        assert metrics.keeping(goal | {"RA": 0.8 + off}, goal) == pytest.approx(0.95)
        assert metrics.keeping(goal | {"TA": 0.6 + 3 * off}, goal) == pytest.approx(0.85)
    assert metrics.keeping({"UA": 0, "RA": 0.7, "TA": 0.7}, goal) == pytest.approx(0.9)


def test_divergence_variation_and_zero_forgetting_are_their_formulas():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(4), 6), rng.dirichlet(np.ones(4), 6)
    first, second = Answers(p, np.zeros(6, int)), Answers(q, np.zeros(6, int))
    slow = (p * np.log(p / q)).sum(1).mean()
    assert metrics.divergence(first, second) == pytest.approx(slow)
    assert metrics.divergence(first, first) == 0
    assert metrics.variation(first, second) == pytest.approx(np.abs(p - q).sum() / 12)
    sure, other = (Answers(shares, np.array([0, 1])) for shares in (np.eye(2), np.eye(2)[::-1]))
    assert metrics.variation(sure, other) == 1
    assert math.isfinite(metrics.divergence(sure, other))
    assert metrics.zero_forgetting(sure, sure) == 1
    assert metrics.zero_forgetting(sure, other) == pytest.approx(0)
    p, q = np.array([0.7, 0.3]), np.array([0.2, 0.8])
    m = (p + q) / 2
    js = ((p * np.log2(p / m)).sum() + (q * np.log2(q / m)).sum()) / 2
    first, second = (Answers(shares[None], np.array([0])) for shares in (p, q))
    assert metrics.zero_forgetting(first, second) == pytest.approx(1 - js)


def test_all_attacks_and_distances_are_numbers_and_weights_that_are_none_are_told(case):
    models = case.model, untrained(case.model, 5)
    judgment, other = (metrics.evaluate_model(model, case) for model in models)
    assert all(0 <= value <= 1 for value in metrics.attacks(judgment).values())
    near = metrics.nearness(judgment, judgment)
    assert near == dict.fromkeys(near, 0.0)
    assert metrics.nearness(judgment, other)["KL forget"] > 0.5
    assert judgment.finite
    broken = deepcopy(case.model)
    with torch.no_grad():
        next(broken.parameters()).fill_(float("nan"))
    assert not metrics.evaluate_model(broken, case).finite


def test_a_planted_back_door_opens_until_the_model_is_another():
    name = "digits+poisoned:share=0.1,target=2"
    data = data_sets.load(name)
    model = original(name, RECIPE)
    case = unlearning.forget_case(model, data, unlearning.request.planted(data), RECIPE)
    clean = original("digits", RECIPE)
    assert metrics.attack_rate(model, case) > 0.8
    assert metrics.attack_rate(clean, case) < 0.2
    assert math.isnan(metrics.attack_rate(clean, class_case()))


def accuracy_of(**models):
    """The figures of models of which predictions and labels are known."""
    rows = [
        own_images.figures(np.array(predictions), np.array(labels), 10)
        for predictions, labels in models.values()
    ]
    columns = {name: ([row[name] for row in rows], "") for name in COLUMNS}
    return Table.of(columns, tuple(models))


def test_the_shares_are_those_counted_by_hand():
    case = unlearning.AfterCase(class_case(), unlearning.RandomLabels(epochs=3))
    accuracy = answer(OwnImages(), case)["accuracy"]
    data, splits = case.case.data, case.case.splits
    for name, model in compared_models(case, lambda *_: None).items():
        rows = splits.train if name == "original" else splits.retain
        rows = own_images.sample_rows(rows, 1000, case.case.seed)
        with torch.no_grad():
            predictions = model(data.pixels(rows)).argmax(1).numpy()
        right = int((predictions == data.labels[rows]).sum())
        assert accuracy.cell(name, "right") == right
        assert accuracy.cell(name, "images") == len(rows)
        assert is_right(accuracy, name)
    assert refusal(accuracy) == ""
    assert broken(accuracy) == ""


LABELS = np.arange(500) % 10
RIGHT = (LABELS, LABELS)
GUESSED = (np.random.default_rng(0).integers(0, 10, 500), LABELS)
ONE_CLASS = (np.full(500, 4), LABELS)
CLUSTERS = (np.array([0, 1, 1, 1, 0, 1, 0, 0, 1, 1])[LABELS], LABELS)  # two classes right by luck


@pytest.mark.parametrize("wrong", [GUESSED, ONE_CLASS, CLUSTERS], ids=["guesses", "one", "two"])
def test_a_model_at_chance_is_named_with_its_figure(wrong):
    share = 100 * np.mean(wrong[0] == wrong[1])
    assert refusal(accuracy_of(original=RIGHT, unlearned=RIGHT, retrained=RIGHT)) == ""
    sentence = refusal(accuracy_of(original=wrong, unlearned=RIGHT, retrained=RIGHT))
    assert sentence.startswith(
        f"Cannot judge: the original gets {share:.0f} % of its own training images right"
    )
    assert sentence.endswith("Check size, normalization, class order.")
    words = f"the retrained gets {share:.0f} % of the kept training images right"
    assert words in refusal(accuracy_of(original=RIGHT, unlearned=RIGHT, retrained=wrong))
    fine = accuracy_of(original=RIGHT, unlearned=wrong, retrained=RIGHT)
    assert refusal(fine) == ""
    assert "it is broken rather than unlearned" in broken(fine)
    assert refusal(accuracy_of(original=RIGHT, unlearned=RIGHT)) == ""


def test_half_right_is_right_enough_the_majority_s_share_is_not_and_untrained_ones_hardly_ever():
    """Images of a class often get one answer: by luck that is right for a class or two."""
    rng = np.random.default_rng(1)
    passed = 0
    for _ in range(400):
        favorite = rng.integers(0, 10, 10)  # the output for each class
        noisy = np.where(rng.random(500) < 0.2, rng.integers(0, 10, 500), favorite[LABELS])
        passed += is_right(accuracy_of(original=(noisy, LABELS)), "original")
    assert passed <= 0.03 * 400  # one network; a verdict needs two
    half = (np.where(np.arange(500) % 3 == 0, LABELS, (LABELS + np.arange(500)) % 10), LABELS)
    assert is_right(accuracy_of(original=half), "original")
    skewed = np.where(np.arange(500) < 400, 0, LABELS)
    assert not is_right(accuracy_of(original=(np.zeros(500, int), skewed)), "original")


def test_data_without_test_images_are_judged_without_strangers():
    case = class_case()
    alone = case.data.take(case.data.rows("train"))
    assert_refused("no test images", replace, case, data=alone)
    parts = case.model, alone, case.request, case.recipe
    base_case = unlearning.forget_case(*parts, needs_test=False)
    assert isinstance(base_case, unlearning.ForgetCase)
    given_case = unlearning.GivenCase(base_case, case.model.twin(), case.model.twin())
    judged = answer(unlearning.Judged(), given_case)["figures"]
    for name in ("TA", "MIA", "attack accuracy", "MIA-Privacy", "called members"):
        assert np.isnan(judged[name]).all(), name
    for name in ("UA", "RA"):
        assert np.isfinite(judged[name]).all(), name
    assert_refused("no model learned from", answer, unlearning.MembershipAttack(), given_case)
