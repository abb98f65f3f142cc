"""Insertion and deletion on models whose scores can be added up by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.core.errors import BlindspotError
from engine.evaluation.measures import showing
from engine.evaluation.measures.showing import SMALL, curves, random_ranks, ranks
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from tests import tiny

SIDE = 16


@pytest.fixture
def linear():
    return tiny.linear_case(SIDE)


def worth(case):
    """v ⊙ (x − b), summed over channels: what a pixel's being there adds to the score."""
    weight = case.model.network.weight.detach()
    return (weight * (case.image - case.baseline("mean"))).sum(0).numpy()


def test_the_curve_of_a_sum_is_the_sum_of_what_is_shown(linear):
    order = ranks(worth(linear))
    curve = curves(linear, {"one": order}, steps=8)["one"]
    nothing = float(linear.score(linear.baseline("mean")[None]))
    for step, area in enumerate(curve.area):
        revealed_score = worth(linear)[order < round(area * SIDE * SIDE)].sum()
        assert curve.insertion[step] == pytest.approx(nothing + revealed_score, abs=2e-4)
        gone = worth(linear)[order >= round(area * SIDE * SIDE)].sum()
        assert curve.deletion[step] == pytest.approx(nothing + gone, abs=2e-4)


def test_both_ends_are_the_cover_and_the_image(linear):
    for cover in ("mean", "black", "blur"):
        curve = curves(linear, {"one": ranks(worth(linear))}, cover=cover)["one"]
        ends = linear.score(torch.stack([linear.baseline(cover), linear.image])).tolist()
        assert curve.insertion[[0, -1]] == pytest.approx(ends, abs=1e-6)
        assert curve.deletion[[0, -1]] == pytest.approx(ends[::-1], abs=1e-6)


def test_the_reversed_order_inserted_is_the_order_deleted_read_backwards(linear):
    order = ranks(worth(linear))
    result = curves(linear, {"on": order, "back": order.max() - order}, steps=10)
    on, back = result["on"], result["back"]
    assert on.insertion == pytest.approx(back.deletion[::-1], abs=1e-9)
    assert on.insertion_area == pytest.approx(back.deletion_area, abs=1e-9)
    assert on.gap == pytest.approx(-back.gap, abs=1e-9)


def test_a_map_that_is_wrong_everywhere_falls_below_random_and_the_right_one_rises_above(linear):
    drawn = {str(seed): random_ranks((SIDE, SIDE), seed) for seed in range(10)}
    orders = {"right": ranks(worth(linear)), "weakest": ranks(-worth(linear))}
    result = curves(linear, {**orders, **drawn})
    chance = [result[name].insertion_area for name in drawn]
    assert result["right"].insertion_area > max(chance)
    assert result["weakest"].insertion_area < min(chance)
    # an image whose every pixel adds |v ⊙ x| to a sum
    sizes = torch.from_numpy(np.abs(worth(linear))).expand(3, -1, -1).contiguous()
    network = tiny.Linear(torch.ones(3, SIDE, SIDE) / 3)
    positive = ImageCase(tiny.classifier(network, SIDE, "sum"), sizes, Target(1))
    results = curves(positive, {"wrong": ranks(-sizes[0].numpy()), **drawn})
    assert results["wrong"].insertion_area < min(results[name].insertion_area for name in drawn)


def test_the_normalized_area_of_an_image_that_is_its_cover_is_not_known(linear):
    still = replace(linear, image=linear.baseline("mean") + 1e-6)
    assert np.isnan(curves(still, {"one": ranks(worth(linear))})["one"].normalized)


def test_four_maps_are_looked_at_in_one_pass_of_two_ends_and_their_steps():
    case = tiny.cnn_case()
    case.model.pace("exact")
    orders = {str(seed): random_ranks((32, 32), seed) for seed in range(4)}
    batch_sizes = []
    handle = case.model.register_forward_pre_hook(
        lambda _module, inputs: batch_sizes.append(len(inputs[0]))
    )
    result = curves(case, orders, steps=20)
    handle.remove()
    assert sum(batch_sizes) == 2 + 4 * 2 * 19
    alone = [curves(case, {name: order}, steps=20)[name] for name, order in orders.items()]
    for curve, other in zip(result.values(), alone, strict=True):
        assert curve.insertion == pytest.approx(other.insertion, abs=1e-5)


def test_regions_are_shown_whole_over_their_own_area(linear):
    labels = np.zeros((SIDE, SIDE), np.int64)
    labels[:, 4:], labels[8:, 4:] = 1, 2
    result = showing.region_curves(linear, {"one": labels, "other": 2 - labels})
    assert result["one"].area == pytest.approx([0, 1 / 4, 5 / 8, 1])
    assert result["other"].area == pytest.approx([0, 3 / 8, 3 / 4, 1])
    nothing = float(linear.score(linear.baseline("mean")[None]))
    for step in range(4):
        revealed_score = worth(linear)[labels < step].sum()
        assert result["one"].insertion[step] == pytest.approx(nothing + revealed_score, abs=2e-4)
    assert result["one"].insertion == pytest.approx(result["other"].deletion[::-1], abs=1e-5)
    assert showing.by_region(labels).limits.tolist() == [0, 1, 2, 3]


def test_equal_values_are_put_in_a_fixed_random_order():
    values = np.zeros((10, 10), np.float32)
    values[3, 3] = 1
    order = ranks(values)
    assert order[3, 3] == 0
    assert sorted(order.ravel()) == list(range(100))
    assert (order == ranks(values)).all()
    assert (order != ranks(values, ties=1)).any()
    rest = np.delete(order.ravel(), 33)
    assert abs(np.corrcoef(rest, np.arange(99))[0, 1]) < 0.3  # no order of rows


def test_the_band_is_the_lowest_and_the_highest_of_its_curves(linear):
    drawn = {str(seed): random_ranks((SIDE, SIDE), seed) for seed in range(5)}
    results = list(curves(linear, drawn).values())
    low, high = showing.band(results)
    insertions = np.stack([result.insertion for result in results])
    assert (low == insertions.min(0)).all()
    assert (high == insertions.max(0)).all()
    low, high = showing.band(results, deletion=True)
    assert (low <= high).all()
    assert low[0] == high[0] == results[0].deletion[0]


def test_a_constant_or_unknown_map_is_refused():
    with pytest.raises(BlindspotError, match="same everywhere"):
        ranks(np.full((4, 4), 0.2, np.float32))
    values = np.arange(16, dtype=np.float32).reshape(4, 4)
    values[0, 0] = np.nan
    with pytest.raises(BlindspotError, match="not known everywhere"):
        ranks(values)


def test_the_normalized_area_takes_the_score_of_the_cover_away(linear):
    for cover, least in (("mean", 0.0), ("blur", 0.1)):  # the blurred image scores something
        curve = curves(linear, {"one": ranks(worth(linear))}, cover=cover, steps=8)["one"]
        low, high = float(curve.insertion[0]), float(curve.insertion[-1])
        assert abs(low) >= least
        lifted = (curve.insertion.astype(np.float64) - low) / (high - low)
        assert curve.normalized == pytest.approx(np.trapezoid(lifted, curve.area), rel=1e-4)
        share = (float(curve.insertion_area) - low) / (high - low)
        assert curve.normalized == pytest.approx(share, rel=1e-4)


def test_a_curve_that_falls_is_normalized_too_and_one_that_hardly_moves_is_not():
    area = np.array([0, 0.5, 1])
    for rise in (1.0, -1.0, SMALL, -SMALL):
        inserted = np.array([0, 0.75 * rise, rise])
        result = showing.shown_of(area, inserted, inserted[::-1])
        assert result.normalized == pytest.approx((0.75 / 2 + 1.75 / 2) / 2)
        assert result.gap == pytest.approx(0)
    for rise in (0.9 * SMALL, -0.9 * SMALL):
        inserted = np.array([0, 0, rise])
        assert np.isnan(showing.shown_of(area, inserted, inserted[::-1]).normalized)


def test_random_ranks_are_every_place_once_and_the_same_for_the_same_seeds():
    drawn_ranks = random_ranks((3, 5), 1, 2)
    assert drawn_ranks.shape == (3, 5)
    assert sorted(drawn_ranks.ravel()) == list(range(15))
    assert (drawn_ranks == random_ranks((3, 5), 1, 2)).all()
    assert (drawn_ranks != random_ranks((3, 5), 1, 3)).any()
    assert (drawn_ranks != random_ranks((3, 5), 2, 2)).any()
