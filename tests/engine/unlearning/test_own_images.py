"""Whether models are right on what they learned from, and what is said where they are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.result import Table
from engine.run import answer
from engine.unlearning import AfterCase, RandomLabels
from engine.unlearning.diagnostics import own_images
from engine.unlearning.diagnostics.base import compared_models
from engine.unlearning.diagnostics.own_images import COLUMNS, OwnImages, broken, is_right, refusal
from tests.engine.unlearning.trained import class_case


def table(**models):
    """The figures of models of which predictions and labels are known."""
    rows = [
        own_images.figures(np.array(predictions), np.array(labels), 10)
        for predictions, labels in models.values()
    ]
    columns = {name: ([row[name] for row in rows], "") for name in COLUMNS}
    return Table.of(columns, tuple(models))


def test_the_shares_are_those_counted_by_hand():
    case = AfterCase(class_case(), RandomLabels(epochs=3))
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
    assert refusal(table(original=RIGHT, unlearned=RIGHT, retrained=RIGHT)) == ""
    sentence = refusal(table(original=wrong, unlearned=RIGHT, retrained=RIGHT))
    assert sentence.startswith(
        f"Cannot judge: the original gets {share:.0f} % of its own training images right"
    )
    assert sentence.endswith("Check size, normalization, class order.")
    sentence = refusal(table(original=RIGHT, unlearned=RIGHT, retrained=wrong))
    assert f"the retrained gets {share:.0f} % of the kept training images right" in sentence
    fine = table(original=RIGHT, unlearned=wrong, retrained=RIGHT)
    assert refusal(fine) == ""
    assert "it is broken rather than unlearned" in broken(fine)
    assert refusal(table(original=RIGHT, unlearned=RIGHT)) == ""


def test_half_right_is_right_enough_and_the_majority_s_share_is_not():
    half = (np.where(np.arange(500) % 3 == 0, LABELS, (LABELS + np.arange(500)) % 10), LABELS)
    assert is_right(table(original=half), "original")
    skewed = np.where(np.arange(500) < 400, 0, LABELS)
    assert not is_right(table(original=(np.zeros(500, int), skewed)), "original")


def test_untrained_networks_are_hardly_ever_called_right():
    """Images of a class often get one answer: by luck that is right for a class or two."""
    rng = np.random.default_rng(1)
    passed = 0
    for _ in range(400):
        favorite = rng.integers(0, 10, 10)  # the output for each class
        noisy = np.where(rng.random(500) < 0.2, rng.integers(0, 10, 500), favorite[LABELS])
        passed += is_right(table(original=(noisy, LABELS)), "original")
    assert passed <= 0.03 * 400  # one network; a verdict needs two


def test_data_without_test_images_are_judged_without_strangers():
    from engine.errors import BlindspotError
    from engine.unlearning import ForgetCase, GivenCase, Judged, MembershipAttack, forget_case

    case = class_case()
    alone = case.data.take(case.data.rows("train"))
    with pytest.raises(BlindspotError, match="no test images"):
        replace(case, data=alone)
    base_case = forget_case(case.model, alone, case.request, case.recipe, needs_test=False)
    assert isinstance(base_case, ForgetCase)
    given_case = GivenCase(base_case, case.model.twin(), case.model.twin())
    figures = answer(Judged(), given_case)["figures"]
    for name in ("TA", "MIA", "attack accuracy", "MIA-Privacy", "called members"):
        assert np.isnan(figures[name]).all(), name
    for name in ("UA", "RA"):
        assert np.isfinite(figures[name]).all(), name
    with pytest.raises(BlindspotError, match="no model learned from"):
        answer(MembershipAttack(), given_case)
