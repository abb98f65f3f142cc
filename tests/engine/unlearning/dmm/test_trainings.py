"""Many trainings: each is one that could be made alone, kept in parts; what datamodels predict."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge

from engine.core import run
from engine.core.errors import Cancelled, DoesNotFit
from engine.core.run import answer
from engine.evaluation.forgetting.klom import margins
from engine.unlearning import DMDirect, NoOp, forget_case, request
from engine.unlearning.dmm import trainings
from engine.unlearning.dmm.datamodel import inclusions, of_parts, removal_effect, shift_of
from engine.unlearning.dmm.direct import GROUPS, rank, sample_groups
from engine.vision import data as data_sets
from engine.vision.models import catalog
from engine.vision.training import Recipe, fresh, loop, outputs, train
from tests import tiny
from tests.engine.unlearning.trained import class_case
from tests.refusals import assert_refused

RECIPE = Recipe("mlp", epochs=2, batch=64, rate=0.05)


@pytest.fixture(scope="module")
def case():
    return class_case(recipe=RECIPE)


@pytest.mark.parametrize("learns", [trainings.ALL, trainings.STAYS, trainings.HALF])
def test_each_network_is_that_of_a_training_alone(case, learns):
    result = trainings.ManyTrainings(learns=learns, part=1)(case)
    logits, data = result["logits"].values.reshape(trainings.PART, len(case.data), 10), case.data
    for place in (0, 7):
        seed = trainings.SEEDS[learns] + trainings.PART + place
        order = np.random.default_rng([seed, 41]).permutation(case.splits.train)
        rows = {
            trainings.ALL: case.splits.train,
            trainings.STAYS: case.splits.retain,
            trainings.HALF: np.sort(order[: len(order) // 2]),
        }[learns]
        alone = fresh(data, RECIPE, seed)
        train(alone, data, RECIPE, seed, rows=rows)
        expected = outputs(alone, data, np.arange(len(data))).numpy()
        np.testing.assert_allclose(logits[place], expected, atol=1e-3)
    assert ("networks" in result) is (learns == trainings.ALL)


def test_originals_are_kept_as_models_that_give_these_logits_and_halves_differ(case):
    originals = trainings.train_part(case, trainings.ALL, 0)
    models = trainings.models_of(originals, "own")
    rows = case.splits.test[:50]
    for place in (0, trainings.PART - 1):
        logits = outputs(models[place], case.data, rows).numpy()
        np.testing.assert_allclose(logits, trainings.logits_of(originals)[place, rows], atol=1e-5)
    rows = np.arange(10, 31)
    first, second = trainings.half(rows, 0), trainings.half(rows, 1)
    assert len(first) == len(second) == 10
    assert set(first) <= set(rows)
    assert set(first) != set(second)
    share = np.mean([np.isin(rows, trainings.half(rows, seed)) for seed in range(400)], axis=0)
    np.testing.assert_allclose(share, 10 / 21, atol=0.1)


def test_requests_share_all_but_the_oracles_and_seeds_and_weights_share_these_too(case):
    other = replace(case, request=request.at_random(case.data, 0.05), seed=7)
    for learns, shared in ((trainings.ALL, True), (trainings.HALF, True), (trainings.STAYS, False)):
        first = trainings.train_part(case, learns, 0)
        name = run.digest(trainings.ManyTrainings(learns=learns), trainings.common(other, learns))
        assert (name == first.record["digest"]) is shared
    again = replace(case, model=fresh(case.data, RECIPE, 3), seed=9)
    assert trainings.train_part(again, trainings.STAYS, 0).kept


def test_parts_that_were_done_are_kept_when_somebody_stops(case, monkeypatch, empty_home):
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)
    run.store.cache_clear()
    try:

        def stop(done, words="", partial=None):
            if done > 0.6:
                raise Cancelled

        with pytest.raises(Cancelled):
            trainings.every_part(case, trainings.STAYS, range(2), stop)
        monkeypatch.setattr(trainings, "train_stacked", fail_unless_part(1))
        first, second = trainings.every_part(case, trainings.STAYS, range(2))
        assert first.kept
        assert not second.kept
    finally:
        run.store.cache_clear()


def fail_unless_part(part):
    """`train_stacked`, only for the seeds of one part."""
    real = trainings.train_stacked

    def checked(models, data, recipe, seeds, **more):
        assert seeds[0] == trainings.SEEDS[trainings.STAYS] + trainings.PART * part
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
    data = data_sets.load("digits" if model.startswith("digits") else "mnist-5k")
    case = forget_case(catalog.load(model), data, request.of_class(data, 3))
    reason = trainings.too_many_for(case)
    assert words in reason
    assert "Digits MLP, Digits CNN" in reason
    assert_refused("dozens of networks", answer, trainings.ManyTrainings(), case, error=DoesNotFit)


@pytest.mark.parametrize(
    ("bound", "may", "more"),
    [
        ("MOST_LOGITS", "whose logits of all images may be {:,} numbers", "these would be"),
        ("MOST_SHOWN", "which may be shown {:,} images in all their epochs", "this recipe shows"),
    ],
)
def test_too_many_logits_and_too_many_images_are_refused(case, monkeypatch, bound, may, more):
    images, each = (case.splits.train, RECIPE.epochs) if "SHOWN" in bound else (case.data, 10)
    limit = 20 * len(images) * each
    monkeypatch.setattr(trainings, bound, limit)
    assert not trainings.too_many_for(case)
    monkeypatch.setattr(trainings, bound, limit - 1)
    assert trainings.too_many_for(case) == (
        f"it trains dozens of networks, 20 at a time, {may.format(limit - 1)}, "
        f"and {more} {limit:,}. {trainings.WORKS}"
    )


def test_oracles_of_another_recipe_or_of_a_pruned_model_are_refused(case):
    wide = replace(case, recipe=replace(RECIPE, width=2.0))
    for other in (wide, replace(case, recipe=Recipe("lenet"))):
        assert "those of its recipe would be other networks" in trainings.too_many_for(other)
    pruned = tiny.forget_case()
    pruned.model.masks = {"head.weight": np.zeros(1, np.uint8)}
    assert "was pruned" in trainings.too_many_for(pruned)
    assert not trainings.too_many_for(case)
    assert not trainings.too_many_for(tiny.prune_case())
    assert NoOp().unmet(wide) == ""


METHOD = DMDirect(networks=40, images=30)


def test_the_true_change_is_that_of_oracles_and_the_predicted_one_of_the_datamodel(case):
    result = METHOD(case)
    images, labels = result["images"], case.data.labels
    rows = case.data.places(images["id"])
    gained, _ = shift_of(case, 40, METHOD.ridge)
    whole, oracles = (
        trainings.logits_of(trainings.train_part(case, learns, 0))
        for learns in (trainings.ALL, trainings.STAYS)
    )
    now = margins(whole[:, rows], labels[rows]).mean(0)
    true = margins(oracles[:, rows], labels[rows]).mean(0) - now
    np.testing.assert_allclose(images["true"], true, atol=1e-5)
    moved = margins(whole[:, rows] + gained[rows], labels[rows]).mean(0) - now
    np.testing.assert_allclose(images["predicted"], moved, atol=1e-5)
    logits = outputs(case.model, case.data, rows).numpy()
    for name, expected in (("before", logits), ("direct", logits + gained[rows])):
        np.testing.assert_allclose(images[name], margins(expected, labels[rows]), atol=1e-5)
    for number, group in enumerate(GROUPS):
        part = images["group"] == number
        expected = pytest.approx(spearmanr(moved[part], true[part]).statistic, abs=1e-6)
        assert result["quality"].cell(group, "rank correlation") == expected
        assert result["growing"][group][-1] == expected
    correlation = f"{result['quality'].cell('forget', 'rank correlation'):.2f}".replace("-", "−")
    assert f"a rank correlation of {correlation} (" in METHOD.finding(case, result)


def test_every_part_of_the_networks_is_used_as_soon_as_it_is_there(case):
    reports = []
    result = METHOD(case, lambda _done, _words="", partial=None: reports.append(partial))
    fewer = answer(DMDirect(networks=20, images=30), case)
    parts = [report for report in reports if report]
    for part, counts, whole in zip(parts, ([20], [20, 40]), (fewer, result), strict=True):
        assert part["growing"]["networks"].tolist() == counts
        np.testing.assert_allclose(part["images"]["predicted"], whole["images"]["predicted"])


def test_its_record_says_what_networks_that_were_kept_once_took(case):
    parts = [trainings.train_part(case, trainings.HALF, part) for part in range(2)]
    parts += [trainings.train_part(case, learns, 0) for learns in (trainings.ALL, trainings.STAYS)]
    result = answer(DMDirect(networks=40, images=20), case)
    expected = sum(part.record["seconds"] for part in parts)
    assert result.record["kept_parts"] == pytest.approx(expected, abs=1e-3)


def test_as_many_images_of_each_group_are_looked_at_and_where_nothing_changes_no_rank_is_said(case):
    rows, group = sample_groups(case, 25)
    assert (np.bincount(group).tolist(), len(set(rows))) == ([25, 25, 25], 75)
    assert set(rows[group == 0]) <= set(case.splits.forget)
    assert set(rows[group == 1]) <= set(case.splits.retain)
    everything, group = sample_groups(case, 10_000)
    assert sorted(everything[group == 0]) == sorted(case.splits.forget)
    assert len(everything) == sum(map(len, (case.splits.train, case.splits.test)))
    some = np.arange(5.0)
    assert np.isnan([rank(0 * some, some, some >= 0), rank(some, some, some < 2)]).all()
    assert rank(some, some**3, some >= 0) == pytest.approx(1)


RNG = np.random.default_rng(0)


@pytest.mark.parametrize("ridge", [0.1, 10.0])
def test_it_is_what_ridge_regression_on_the_inclusions_gives(ridge):
    had = RNG.integers(0, 2, (60, 90)).astype(float)
    outputs, gone = RNG.normal(size=(60, 5)), RNG.random(90) < 0.2
    fitted = Ridge(alpha=ridge).fit(had, outputs)
    expected = -fitted.coef_[:, gone].sum(1)
    np.testing.assert_allclose(removal_effect(had, gone, ridge) @ outputs, expected, atol=1e-8)


def test_sums_over_the_images_are_predicted_exactly_and_no_change_by_a_ridge_without_end():
    had = RNG.integers(0, 2, (200, 30)).astype(float)
    influences, gone = RNG.normal(size=(30, 4)), np.arange(30) < 7
    outputs = 3.0 + had @ influences
    result = removal_effect(had, gone, 1e-8) @ outputs
    np.testing.assert_allclose(result, -influences[:7].sum(0), atol=1e-6)
    had, outputs = RNG.integers(0, 2, (40, 50)).astype(float), RNG.normal(size=(40, 3))
    assert np.abs(removal_effect(had, np.ones(50, bool), 1e12) @ outputs).max() < 1e-6
    assert not (removal_effect(had, np.zeros(50, bool), 1.0) @ outputs).any()
    for shape, images, words in (
        ((1, 4), 4, "several networks"),
        ((3, 4), 5, "There are 4 images"),
    ):
        assert_refused(words, removal_effect, np.ones(shape), np.ones(images, bool), 1.0)


def test_networks_are_counted_with_the_images_that_they_really_had():
    case = class_case(recipe=RECIPE)
    train, part = case.splits.train, trainings.train_part(case, trainings.HALF, 0)
    seeds = [trainings.SEEDS[trainings.HALF] + number for number in range(15)]
    had = inclusions(train, seeds)
    for row, seed in zip(had, seeds, strict=True):
        assert set(train[row == 1]) == set(trainings.half(train, seed))
    gone = np.isin(train, case.splits.forget)
    flat = trainings.logits_of(part)[:15].astype(float).reshape(15, -1)
    expected = -Ridge(alpha=5.0).fit(had, flat).coef_[:, gone].sum(1)
    result = of_parts(case, [part], 15, 5.0)
    assert result.shape == (len(case.data), 10)
    np.testing.assert_allclose(result.ravel(), expected, atol=1e-6)
    assert trainings.PART > 15
