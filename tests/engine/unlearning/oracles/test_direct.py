"""DM-Direct: both changes by hand, what it hands over on the way, and a datamodel of nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge

from engine.errors import BlindspotError
from engine.run import answer
from engine.training import outputs
from engine.unlearning import DMDirect
from engine.unlearning.oracles.datamodel import inclusions, of_parts, removal_effect, shift_of
from engine.unlearning.oracles.direct import GROUPS, rank, sample_groups
from engine.unlearning.oracles.trainings import (
    ALL,
    HALF,
    PART,
    SEEDS,
    STAYS,
    half,
    logits_of,
    train_part,
)
from engine.unlearning.protocol.klom import margins
from tests.engine.unlearning.oracles.test_trainings import RECIPE
from tests.engine.unlearning.trained import class_case

METHOD = DMDirect(networks=40, images=30)


@pytest.fixture(scope="module")
def case():
    return class_case(recipe=RECIPE)


def test_the_true_change_is_that_of_oracles_and_the_predicted_one_of_the_datamodel(case):
    result = METHOD(case)
    images, labels = result["images"], case.data.labels
    rows = case.data.places(images["id"])
    gained, _ = shift_of(case, 40, METHOD.ridge)
    whole, oracles = (logits_of(train_part(case, learns, 0)) for learns in (ALL, STAYS))
    now = margins(whole[:, rows], labels[rows]).mean(0)
    true = margins(oracles[:, rows], labels[rows]).mean(0) - now
    np.testing.assert_allclose(images["true"], true, atol=1e-5)
    moved = margins(whole[:, rows] + gained[rows], labels[rows]).mean(0) - now
    np.testing.assert_allclose(images["predicted"], moved, atol=1e-5)
    logits = outputs(case.model, case.data, rows).numpy()
    np.testing.assert_allclose(images["before"], margins(logits, labels[rows]), atol=1e-5)
    np.testing.assert_allclose(
        images["direct"], margins(logits + gained[rows], labels[rows]), atol=1e-5
    )
    for number, group in enumerate(GROUPS):
        part = images["group"] == number
        expected = spearmanr(moved[part], true[part]).statistic
        assert result["quality"].cell(group, "rank correlation") == pytest.approx(
            expected, abs=1e-6
        )
        assert result["growing"][group][-1] == pytest.approx(expected, abs=1e-6)
    correlation = f"{result['quality'].cell('forget', 'rank correlation'):.2f}".replace("-", "−")
    assert f"a rank correlation of {correlation} (" in METHOD.finding(case, result)


def test_every_part_of_the_networks_is_used_as_soon_as_it_is_there(case):
    reports = []
    result = METHOD(case, lambda _done, _words="", partial=None: reports.append(partial))
    first, last = [report for report in reports if report]
    assert first["growing"]["networks"].tolist() == [20]
    assert last["growing"]["networks"].tolist() == [20, 40]
    fewer = answer(DMDirect(networks=20, images=30), case)
    np.testing.assert_allclose(first["images"]["predicted"], fewer["images"]["predicted"])
    np.testing.assert_allclose(last["images"]["predicted"], result["images"]["predicted"])


def test_its_record_says_what_networks_that_were_kept_once_took(case):
    parts = [train_part(case, HALF, part) for part in range(2)]
    parts += [train_part(case, learns, 0) for learns in (ALL, STAYS)]
    result = answer(DMDirect(networks=40, images=20), case)
    expected = sum(part.record["seconds"] for part in parts)
    assert result.record["kept_parts"] == pytest.approx(expected, abs=1e-3)


def test_as_many_images_of_each_group_are_looked_at_and_each_once(case):
    rows, group = sample_groups(case, 25)
    assert np.bincount(group).tolist() == [25, 25, 25]
    assert len(set(rows)) == 75
    assert set(rows[group == 0]) <= set(case.splits.forget)
    assert set(rows[group == 1]) <= set(case.splits.retain)
    everything, group = sample_groups(case, 10_000)
    assert (group == 0).sum() == len(case.splits.forget)
    assert len(everything) == sum(map(len, (case.splits.train, case.splits.test)))


def test_where_nothing_changes_no_rank_is_said():
    constant, some = np.ones(5), np.arange(5.0)
    assert np.isnan(rank(constant, some, some >= 0))
    assert np.isnan(rank(some, some, some < 2))
    assert rank(some, some**3, some >= 0) == pytest.approx(1)


RNG = np.random.default_rng(0)


@pytest.mark.parametrize("ridge", [0.1, 10.0])
def test_it_is_what_ridge_regression_on_the_inclusions_gives(ridge):
    had = RNG.integers(0, 2, (60, 90)).astype(float)
    outputs, gone = RNG.normal(size=(60, 5)), RNG.random(90) < 0.2
    fitted = Ridge(alpha=ridge).fit(had, outputs)
    expected = -fitted.coef_[:, gone].sum(1)
    np.testing.assert_allclose(removal_effect(had, gone, ridge) @ outputs, expected, atol=1e-8)


def test_outputs_that_are_sums_over_the_images_are_predicted_exactly():
    had = RNG.integers(0, 2, (200, 30)).astype(float)
    influences, gone = RNG.normal(size=(30, 4)), np.arange(30) < 7
    outputs = 3.0 + had @ influences
    result = removal_effect(had, gone, 1e-8) @ outputs
    np.testing.assert_allclose(result, -influences[:7].sum(0), atol=1e-6)


def test_a_ridge_without_end_predicts_no_change_and_so_does_taking_nothing_out():
    had, outputs = RNG.integers(0, 2, (40, 50)).astype(float), RNG.normal(size=(40, 3))
    assert np.abs(removal_effect(had, np.ones(50, bool), 1e12) @ outputs).max() < 1e-6
    assert not (removal_effect(had, np.zeros(50, bool), 1.0) @ outputs).any()


def test_what_does_not_fit_is_refused():
    with pytest.raises(BlindspotError, match="several networks"):
        removal_effect(np.ones((1, 4)), np.ones(4, bool), 1.0)
    with pytest.raises(BlindspotError, match="There are 4 images"):
        removal_effect(np.ones((3, 4)), np.ones(5, bool), 1.0)


def test_networks_are_counted_with_the_images_that_they_really_had():
    case = class_case(recipe=RECIPE)
    train, part = case.splits.train, train_part(case, HALF, 0)
    seeds = [SEEDS[HALF] + number for number in range(15)]
    had = inclusions(train, seeds)
    for row, seed in zip(had, seeds, strict=True):
        assert set(train[row == 1]) == set(half(train, seed))
    gone = np.isin(train, case.splits.forget)
    flat = logits_of(part)[:15].astype(float).reshape(15, -1)
    expected = -Ridge(alpha=5.0).fit(had, flat).coef_[:, gone].sum(1)
    result = of_parts(case, [part], 15, 5.0)
    assert result.shape == (len(case.data), 10)
    np.testing.assert_allclose(result.ravel(), expected, atol=1e-6)
    assert PART > 15
