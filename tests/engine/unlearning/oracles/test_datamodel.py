"""A datamodel against sums that are known, and against a plain ridge regression."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from engine.errors import BlindspotError
from engine.unlearning.oracles.datamodel import inclusions, of_parts, removal_effect
from engine.unlearning.oracles.trainings import HALF, PART, SEEDS, half, logits_of, train_part
from tests.engine.unlearning.oracles.test_trainings import RECIPE
from tests.engine.unlearning.trained import class_case

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
