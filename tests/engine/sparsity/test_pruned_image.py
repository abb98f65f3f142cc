"""What a pruned copy says of one image: the same as the pruned model itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine import data
from engine.attribution.heatmaps.gradient import Gradient
from engine.case import ImageCase
from engine.case.prediction import Prediction
from engine.case.target import Target
from engine.models import embedded
from engine.sparsity import Prune, prune_case
from engine.sparsity.effects.pruned_image import PrunedImage


@pytest.fixture(scope="module")
def digit():
    model, digits = embedded.load("digits-mlp"), data.load("digits")
    row = digits.rows("test")[:1]
    return ImageCase(model, digits.pixels(row)[0], Target(int(digits.labels[row[0]])))


def test_it_says_what_the_pruned_model_says_and_where_that_looks(digit):
    result = PrunedImage()(digit)
    whole = prune_case(digit.model)
    rule = Prune(ratio=0.7)
    masks = rule.masks(whole)
    pruned_case = replace(digit, model=rule.made(whole, masks))
    assert result["cut"]["share"][0] == pytest.approx(masks.sparsity)
    assert masks.sparsity == pytest.approx(0.7, abs=0.01)
    np.testing.assert_allclose(
        result["classes"].values, Prediction()(pruned_case)["classes"].values
    )
    np.testing.assert_allclose(result["map"].values, Gradient()(pruned_case)["map"].values)
    assert not np.allclose(result["map"].values, Gradient()(digit)["map"].values)


def test_nothing_taken_out_changes_nothing(digit):
    result = PrunedImage(ratio=0.0)(digit)
    np.testing.assert_allclose(
        result["classes"].values, Prediction()(digit)["classes"].values, atol=1e-6
    )
