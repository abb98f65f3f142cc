"""Two maps of one image: alike, unrelated, opposite, flat; and ranks, bit for bit as scipy's."""

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from engine.core.errors import BlindspotError
from engine.evaluation.measures import drift
from engine.evaluation.measures.drift import rank_correlation, top_overlap
from engine.evaluation.measures.ranks import ranks

RNG = np.random.default_rng(0)


def maps(seed=0, side=40):
    return np.random.default_rng(seed).normal(size=(2, side, side)).astype(np.float32)


def test_the_rank_correlation_is_scipys_on_sizes_with_ties():
    heat_map, other = maps()
    heat_map = np.round(heat_map, 1)
    other = other + 0.5 * heat_map
    result = spearmanr(np.abs(heat_map).ravel(), np.abs(other).ravel()).statistic
    assert rank_correlation(heat_map, other) == pytest.approx(result, abs=1e-9)


def test_the_same_map_is_whole_and_its_negative_too():
    heat_map, _ = maps()
    for other in (heat_map, -heat_map, 3 * heat_map):
        assert rank_correlation(heat_map, other) == pytest.approx(1)
        assert top_overlap(heat_map, other) == 1


def test_unrelated_maps_share_what_chance_gives():
    shared = [top_overlap(*maps(seed)) for seed in range(30)]
    assert np.mean(shared) == pytest.approx(drift.TOP / (2 - drift.TOP), abs=0.01)


def test_the_top_tenth_is_counted_by_hand():
    heat_map, other = np.zeros((2, 10), np.float32), np.zeros((2, 10), np.float32)
    heat_map[0, :2] = 1, -2
    other[0, 1:3] = 5, 4
    assert top_overlap(heat_map, other) == pytest.approx(1 / 3)


def test_flat_maps_have_no_order_and_maps_of_two_sizes_are_refused():
    flat = np.ones((4, 4), np.float32)
    assert np.isnan(rank_correlation(flat, maps(side=4)[0]))
    assert np.isnan(top_overlap(flat, maps(side=4)[0]))
    heat_map, other = maps(side=4)
    for compare in (rank_correlation, top_overlap):
        with pytest.raises(BlindspotError, match="cannot be compared"):
            compare(heat_map, other.reshape(2, 8))
    with np.errstate(all="raise"):  # nothing is divided by nothing
        assert np.isnan(drift.direction(np.zeros(3))).all()


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 1.0])
def test_the_strongest_are_those_that_a_stable_sort_puts_first(share):
    heat_map, ties = maps()[0], np.round(maps()[0])
    unknown = np.where(heat_map > 0.5, np.nan, ties)
    for values in (heat_map, ties, unknown):
        order = np.argsort(-np.abs(values).ravel(), kind="stable")[: round(share * heat_map.size)]
        assert np.array_equal(np.flatnonzero(drift.top_pixels(values, share)), np.sort(order))


def test_of_a_small_map_one_pixel_at_least_stands_out():
    heat_map, other = np.zeros((2, 10), np.float32), np.zeros((2, 10), np.float32)
    heat_map[0, :3] = 3, 2, 1
    other[0, :3] = 3, 1, 2
    for share, overlap in ((0.001, 1), (0.05, 1), (0.1, 1 / 3), (0.15, 1)):
        assert top_overlap(heat_map, other, share) == pytest.approx(overlap)


@pytest.mark.parametrize(
    "values",
    [
        RNG.normal(size=500),
        RNG.integers(0, 7, 500).astype(np.float32),
        np.zeros(4),
        np.array([3.0, np.nan, 1.0]),
        np.empty(0),
    ],
    ids=["all different", "many equal", "all equal", "with NaN", "none"],
)
def test_ranks_are_those_of_scipy(values):
    np.testing.assert_array_equal(ranks(values), rankdata(values))
