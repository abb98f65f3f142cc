"""What is lost: nothing where nothing is cut, and each figure counted again where something is."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from engine.core.errors import BlindspotError
from engine.evaluation.maps.gradient import Gradient
from engine.evaluation.measures.calibration import calibration
from engine.sparsity import Harm, Prune, PruneCase, harm, photographs, prune_case
from engine.sparsity.effects.harm import interval
from engine.sparsity.effects.pruned_image import PrunedImage
from engine.vision.case import ImageCase
from engine.vision.case.prediction import Prediction
from engine.vision.case.target import Target
from engine.vision.images import Crop, square
from engine.vision.images.samples import SAMPLES, sample
from engine.vision.models import embedded
from engine.vision.models.catalog import data_of
from engine.vision.training import outputs
from engine.vision.weights.case import agreement_only
from engine.vision.weights.subjects import names_of_photographs
from tests import tiny


def test_nothing_is_lost_where_nothing_is_cut(digits):
    result = Harm(ratio=0.0, images=60, maps=4)(digits)
    assert not result["classes"]["change"].any()
    assert not result["classes"]["answers changed"].any()
    np.testing.assert_allclose(result["images"]["change"], 0, atol=1e-6)
    first, second = result["calibration"].values
    np.testing.assert_allclose(first, second, atol=1e-6)
    assert not result["corruptions"]["change"].any()
    np.testing.assert_allclose(result["drift"]["rank correlation"], 1, atol=1e-6)
    np.testing.assert_allclose(result["drift"]["top tenth IoU"], 1, atol=1e-6)
    split = np.where(digits.data.split == 1, 0, digits.data.split)  # nothing for validation
    bare = replace(digits, data=replace(digits.data, split=split))
    uncalibrated = Harm(ratio=0.0, images=60, maps=1)(bare)["calibration"].values
    np.testing.assert_allclose(uncalibrated[:, :6], result["calibration"].values[:, :6], atol=1e-6)
    assert np.isnan(uncalibrated[:, 6:]).all()


def test_classes_and_images_are_counted_by_hand(digits):
    method = Harm(ratio=0.95, images=200, maps=2)
    model = method.made(digits, method.masks(digits))
    result = harm(digits, model, images=200, maps=2)
    rows = digits.data.some("test", 200, digits.seed)
    labels = digits.data.labels[rows]
    dense_logits, other = (outputs(net, digits.data, rows).numpy() for net in (digits.model, model))
    first, second = dense_logits.argmax(1), other.argmax(1)
    for place, name in enumerate(result["classes"].rows):
        in_class = labels == digits.data.classes.index(name)
        line = dict(zip(result["classes"].columns, result["classes"].values[place], strict=True))
        assert line["images"] == in_class.sum()
        hits = {"dense": first == labels, "pruned": second == labels}
        for column, counted in (hits | {"answers changed": first != second}).items():
            assert line[column] == pytest.approx(counted[in_class].mean(), abs=1e-6)
    worse, pixels = result["corruptions"], digits.data.pixels(rows)
    brighter = digits.model.logits((pixels + 0.2).clamp(0, 1)).argmax(1).numpy()
    place = worse.rows.index("brightness 2")
    assert worse["dense"][place] == pytest.approx((brighter == labels).mean(), abs=1e-6)
    table = result["images"]
    changed = table["dense answer"] != table["pruned answer"]
    assert changed.sum() == (first != second).sum() > 0
    assert changed[: changed.sum()].all()  # they come first
    assert set(table["row"].astype(int)) == set(rows)
    for name, logits in (("dense", dense_logits), ("pruned", other)):
        plain = calibration(logits, labels)
        line = result["calibration"].values[result["calibration"].rows.index(name)]
        assert line[1] == pytest.approx(plain.ece, abs=1e-6)
        assert result[name]["images"].sum() == 200


def test_drift_is_the_rank_correlation_of_the_houses_own_maps(digits):
    method = Harm(ratio=0.9, images=20, maps=3)
    model = method.made(digits, method.masks(digits))
    table = harm(digits, model, images=20, maps=3)["drift"]
    for row, result in zip(table["row"], table["rank correlation"], strict=True):
        image = digits.data.pixels(np.array([int(row)]))[0].contiguous()
        target = Target(int(digits.model.logits(image[None]).argmax()))
        maps = [Gradient()(ImageCase(net, image, target))["map"] for net in (digits.model, model)]
        plain = spearmanr(*(np.abs(heat_map.values).ravel() for heat_map in maps)).statistic
        assert result == pytest.approx(plain, abs=1e-5)
    assert list(table["rank correlation"]) == sorted(table["rank correlation"])


def test_the_interval_holds_the_mean_and_closes_with_more_images():
    rng = np.random.default_rng(0)
    few, many = rng.choice([-1.0, 0.0, 1.0], 50), rng.choice([-1.0, 0.0, 1.0], 5000)
    for drawn in (few, many):
        low, high = interval(drawn, 0)
        assert low <= drawn.mean() <= high
    assert np.ptp(interval(many, 0)) < np.ptp(interval(few, 0)) / 5
    assert interval(np.zeros(10), 0) == (0, 0)


def test_a_heat_map_nobody_draws_is_refused(digits):
    with pytest.raises(BlindspotError, match="no heat map"):
        harm(digits, digits.model, images=10, maps=1, heat="tea leaves")


def test_a_model_is_pruned_with_what_it_was_trained_on_or_with_photographs_that_it_labels():
    case = prune_case(embedded.load("digits-cnn"), seed=3)
    assert (case.data.name, case.seed) == ("digits", 3)
    assert not agreement_only(case)
    assert data_of(tiny.cnn()) == ""
    model = tiny.cnn()
    data = photographs(model)
    case = PruneCase(model, data)
    assert agreement_only(case)
    assert "dense model gives it" in data.card.about
    first = square(sample(SAMPLES[0].name), Crop(), model.side)
    assert np.abs(data.images[0] / 255 - first).max() <= 0.5 / 255 + 1e-6
    assert PruneCase(model, data, 2**32 - 1).seed == 2**32 - 1
    for seed in (-1, 2**32):
        with pytest.raises(BlindspotError, match=f"from 0 to 2.32 − 1, not {seed}"):
            PruneCase(model, data, seed)
    assert len(data) == len(names_of_photographs()) >= 5
    assert np.array_equal(model.logits(data.pixels()).argmax(1).numpy(), data.labels)
    result = harm(case, model, images=5, maps=1)
    assert "calibration" not in result
    assert (result["classes"]["dense"] == 1).all()


def test_a_pruned_copy_says_of_an_image_what_the_pruned_model_says_and_where_that_looks(digits):
    row = digits.data.rows("test")[:1]
    target = Target(int(digits.data.labels[row[0]]))
    case = ImageCase(digits.model, digits.data.pixels(row)[0], target)
    result, whole, rule = PrunedImage()(case), prune_case(case.model), Prune(ratio=0.7)
    masks = rule.masks(whole)
    pruned_case = replace(case, model=rule.made(whole, masks))
    assert result["cut"]["share"][0] == pytest.approx(masks.sparsity)
    assert masks.sparsity == pytest.approx(0.7, abs=0.01)
    expected = Prediction()(pruned_case)["classes"].values
    np.testing.assert_allclose(result["classes"].values, expected)
    np.testing.assert_allclose(result["map"].values, Gradient()(pruned_case)["map"].values)
    assert not np.allclose(result["map"].values, Gradient()(case)["map"].values)
    same = PrunedImage(ratio=0.0)(case)["classes"].values  # nothing taken out changes nothing
    np.testing.assert_allclose(same, Prediction()(case)["classes"].values, atol=1e-6)
