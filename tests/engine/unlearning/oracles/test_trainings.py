"""Many trainings: each is one that could be made alone, and parts are shared and kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine import data as data_sets
from engine import run
from engine.errors import Cancelled, DoesNotFit
from engine.models import catalog
from engine.training import Recipe, fresh, loop, outputs, train
from engine.unlearning import NoOp, forget_case, request
from engine.unlearning.oracles import trainings
from engine.unlearning.oracles.trainings import (
    ALL,
    HALF,
    PART,
    SEEDS,
    STAYS,
    ManyTrainings,
    every_part,
    half,
    logits_of,
    models_of,
    too_many_for,
    train_part,
)
from tests import tiny
from tests.engine.unlearning.trained import class_case

RECIPE = Recipe("mlp", epochs=2, batch=64, rate=0.05)


@pytest.fixture(scope="module")
def case():
    return class_case(recipe=RECIPE)


@pytest.mark.parametrize("learns", [ALL, STAYS, HALF])
def test_each_network_is_that_of_a_training_alone(case, learns):
    result = ManyTrainings(learns=learns, part=1)(case)
    logits, data = result["logits"].values.reshape(PART, len(case.data), 10), case.data
    for place in (0, 7):
        seed = SEEDS[learns] + PART + place
        order = np.random.default_rng([seed, 41]).permutation(case.splits.train)
        rows = {
            ALL: case.splits.train,
            STAYS: case.splits.retain,
            HALF: np.sort(order[: len(order) // 2]),
        }[learns]
        alone = fresh(data, RECIPE, seed)
        train(alone, data, RECIPE, seed, rows=rows)
        expected = outputs(alone, data, np.arange(len(data))).numpy()
        np.testing.assert_allclose(logits[place], expected, atol=1e-3)
    assert ("networks" in result) is (learns == ALL)


def test_originals_are_kept_as_models_that_give_these_logits(case):
    originals = train_part(case, ALL, 0)
    models = models_of(originals, "own")
    rows = case.splits.test[:50]
    for place in (0, PART - 1):
        logits = outputs(models[place], case.data, rows).numpy()
        np.testing.assert_allclose(logits, logits_of(originals)[place, rows], atol=1e-5)


def test_requests_share_all_but_the_oracles_and_seeds_and_weights_share_these_too(case):
    other = replace(case, request=request.at_random(case.data, 0.05), seed=7)
    for learns, shared in ((ALL, True), (HALF, True), (STAYS, False)):
        first = train_part(case, learns, 0)
        name = run.digest(ManyTrainings(learns=learns), trainings.common(other, learns))
        assert (name == first.record["digest"]) is shared
    again = replace(case, model=fresh(case.data, RECIPE, 3), seed=9)
    assert train_part(again, STAYS, 0).kept


def test_halves_differ_and_have_half_of_the_images_each():
    rows = np.arange(10, 31)
    first, second = half(rows, 0), half(rows, 1)
    assert len(first) == len(second) == 10
    assert set(first) <= set(rows)
    assert set(first) != set(second)
    share = np.mean([np.isin(rows, half(rows, seed)) for seed in range(400)], axis=0)
    np.testing.assert_allclose(share, 10 / 21, atol=0.1)


def test_parts_that_were_done_are_kept_when_somebody_stops(case, monkeypatch, tmp_path):
    monkeypatch.setenv("BLINDSPOT_HOME", str(tmp_path))
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)
    run.store.cache_clear()
    try:

        def stop(done, words="", partial=None):
            if done > 0.6:
                raise Cancelled

        with pytest.raises(Cancelled):
            every_part(case, STAYS, range(2), stop)
        monkeypatch.setattr(trainings, "train_stacked", fail_unless_part(1))
        first, second = every_part(case, STAYS, range(2))
        assert first.kept
        assert not second.kept
    finally:
        run.store.cache_clear()


def fail_unless_part(part):
    """`train_stacked`, only for the seeds of one part."""
    real = trainings.train_stacked

    def checked(models, data, recipe, seeds, **more):
        assert seeds[0] == SEEDS[STAYS] + PART * part
        return real(models, data, recipe, seeds, **more)

    return checked


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("digits-mlp-robust", "too long against attacks"),
        ("mnist-cnn", "at most 16 pixels"),
        ("digits-vit", "too long for transformers"),
    ],
)
def test_what_would_take_too_long_is_refused_with_what_would_work(model, words):
    original = catalog.load(model)
    data = trainings_data(model)
    case = forget_case(original, data, request.of_class(data, 3))
    reason = too_many_for(case)
    assert words in reason
    assert "Digits MLP, Digits CNN" in reason
    with pytest.raises(DoesNotFit, match="dozens of networks"):
        run.answer(ManyTrainings(), case)


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        (
            "MOST_LOGITS",
            "20 at a time, whose logits of all images may be {most:,} numbers, and these "
            "would be {own:,}",
        ),
        (
            "MOST_SHOWN",
            "20 at a time, which may be shown {most:,} images in all their epochs, and "
            "this recipe shows {own:,}",
        ),
    ],
)
def test_too_many_logits_and_too_many_images_in_all_are_refused(case, monkeypatch, bound, words):
    limit = {
        "MOST_LOGITS": 20 * len(case.data) * 10,
        "MOST_SHOWN": 20 * len(case.splits.train) * RECIPE.epochs,
    }[bound]
    monkeypatch.setattr(trainings, bound, limit)
    assert not too_many_for(case)
    monkeypatch.setattr(trainings, bound, limit - 1)
    assert too_many_for(case) == (
        f"it trains dozens of networks, {words.format(most=limit - 1, own=limit)}. "
        f"{trainings.WORKS}"
    )


def trainings_data(model):
    return data_sets.load("digits" if model.startswith("digits") else "mnist-5k")


def test_oracles_of_another_recipe_or_of_a_pruned_model_are_refused(case):
    wide = replace(case, recipe=replace(RECIPE, width=2.0))
    assert "those of its recipe would be other networks" in too_many_for(wide)
    assert "other networks" in too_many_for(replace(case, recipe=Recipe("lenet")))
    pruned = tiny.forget_case()
    pruned.model.masks = {"head.weight": np.zeros(1, np.uint8)}
    assert "was pruned" in too_many_for(pruned)
    assert not too_many_for(case)
    assert not too_many_for(tiny.prune_case())
    assert NoOp().unmet(wide) == ""
