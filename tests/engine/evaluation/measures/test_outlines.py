"""From a map to an outline: multi-Otsu by hand, and maps that have none."""

from itertools import combinations

import numpy as np
import pytest

from engine.core.errors import BlindspotError
from engine.core.result import HeatMap
from engine.evaluation.measures.outlines import dice, dice_by_offset, inside_of, iou, outlined

RANDOM = np.random.default_rng(0)


def three_levels():
    values = np.full((30, 30), -1.0, np.float32)
    values[2:20, 2:20], values[5:12, 5:12] = 1.0, 4.0
    return values + RANDOM.normal(0, 0.15, values.shape).astype(np.float32)


def variance_between(values, edges):
    parts = np.split(np.sort(values), np.searchsorted(np.sort(values), edges, side="right"))
    return sum(len(part) * (part.mean() - values.mean()) ** 2 for part in parts if len(part))


def test_the_outline_is_what_lies_above_the_best_of_all_pairs_of_thresholds_less_an_offset():
    values = three_levels()
    clipped = values.clip(0).ravel().astype(np.float64)
    grid = np.linspace(clipped.min(), clipped.max(), 65)[1:-1]
    best = max(combinations(grid, 2), key=lambda pair: variance_between(clipped, pair))
    result = outlined(values, offset=0.0)
    step = grid[1] - grid[0]
    assert (result.inside == (values > best[1])).all()
    assert abs(result.threshold - best[1]) < 40 * step  # anywhere in the gap is the same outline
    assert result.inside.sum() == 7 * 7
    unbounded = np.where(values < 0, np.inf, values)  # counts as 0
    assert (outlined(unbounded, offset=0.0).inside == result.inside).all()
    lower = outlined(values, offset=0.5)
    assert lower.threshold == pytest.approx(result.threshold - 0.5 * clipped.std())
    assert (lower.inside == (values > lower.threshold)).all()
    truth = values > 0.5
    expected = [dice(result.inside, truth), dice(lower.inside, truth)]
    assert dice_by_offset(values, truth, (0.0, 0.5)) == expected
    assert dice_by_offset(-abs(values), truth, (0.0,)) == [1 / (truth.sum() + 1)]  # no outline


def test_an_offset_reaches_no_further_down_than_0():
    result = outlined(three_levels(), offset=2.0)
    assert result.threshold >= 0
    assert not result.inside[three_levels() < -0.6].any()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.full((9, 9), -0.3), "nowhere above 0"),
        (np.zeros((9, 9)), "nowhere above 0"),
        (np.full((9, 9), 0.7), "the same everywhere"),
        (np.full((9, 9), np.nan), "nowhere above 0"),
    ],
)
def test_a_map_without_anything_that_stands_out_has_an_empty_outline_and_says_why(values, reason):
    result = outlined(values.astype(np.float32))
    assert not result.inside.any()
    assert reason in result.reason


@pytest.mark.parametrize("groups", [2, 3, 4])
def test_a_map_of_two_values_is_parted_in_two_whatever_is_asked(groups):
    values = np.zeros((8, 8), np.float32)
    values[2:4, 3:6] = 2.5
    assert (outlined(values, groups).inside == (values > 0)).all()


def test_unknown_values_are_outside():
    values = three_levels()
    values[6, 6] = np.nan
    assert not outlined(values).inside[6, 6]


def test_an_outline_of_the_map_s_own_goes_before_the_rule():
    heat_map = HeatMap(three_levels(), "logit", signed=True)
    assert np.array_equal(inside_of({"map": heat_map}), outlined(heat_map.values).inside)
    own = np.zeros((30, 30), np.float32)
    own[20:25, 3:9] = 1.0
    answer = {"map": heat_map, "outline": HeatMap(own, "inside", signed=False)}
    assert np.array_equal(inside_of(answer), own == 1)


def test_dice_and_iou_are_those_of_counted_pixels():
    result, truth = np.zeros((2, 6, 6), np.bool_)
    result[:2, :3], truth[1:3, :3] = True, True
    assert dice(result, truth) == pytest.approx((2 * 3 + 1) / (6 + 6 + 1))
    assert iou(result, truth) == pytest.approx((3 + 1) / (9 + 1))
    assert dice(truth, truth) == iou(truth, truth) == 1
    assert dice(result & False, truth & False) == 1  # nothing to find, nothing found


def test_a_mask_of_another_size_is_refused():
    for score in (dice, iou):
        with pytest.raises(BlindspotError, match="differ in size"):
            score(np.zeros((4, 4), np.bool_), np.zeros((5, 4), np.bool_))
