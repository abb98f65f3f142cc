"""Charts and pictures of masks: every number and pixel is the masks' own."""

from __future__ import annotations

import numpy as np
import pytest

from components.charts import mask_pictures
from components.prune import before_after, charts, cost_charts, harm_charts
from components.prune.before_after import Change
from engine.result import Table
from engine.sparsity import MaskRules, diagrams, pruner_of
from engine.sparsity.latency import Latency
from tests import tiny


@pytest.fixture(scope="module")
def case():
    return tiny.prune_case(tiny.cnn())


@pytest.fixture(scope="module")
def masks(case):
    return pruner_of(case, "Magnitude", MaskRules()).at(0.6)


def test_bars_are_as_wide_as_layers_and_as_high_as_what_stays(masks):
    (bars,) = charts.layers(masks).data
    sizes = np.array([part.size for part in masks.parts])
    assert bars.width == pytest.approx(100 * sizes / sizes.sum())
    assert bars.x[0] == pytest.approx(bars.width[0] / 2)
    assert bars.x[-1] + bars.width[-1] / 2 == pytest.approx(100)
    assert bars.y == pytest.approx(100 * masks.counts / sizes)
    area = (bars.width * bars.y / 100).sum()
    assert area == pytest.approx(100 * masks.density)  # so that the dashed line is their mean


def test_layers_of_dead_filters_are_hatched_and_counted(case):
    masks = pruner_of(case, "Magnitude", MaskRules(structure="filter", allocation="per layer")).at(
        0.5
    )
    (bars,) = charts.layers(masks).data
    assert set(bars.marker.pattern.shape) == {"/"}
    assert f"{sum(masks.dead_filters)} filters are dead" in charts.layers_words(masks)


def test_the_histogram_holds_every_weight_once_and_says_where_the_cut_lies(case, masks):
    part = masks.parts[1]
    found = diagrams.histogram(case.model, masks, part.name)
    cut, kept = charts.histogram(found).data
    assert sum(cut.y) + sum(kept.y) == part.size
    assert sum(kept.y) == masks.array(part.name).sum()
    assert f"a size of {found.above:.3g}" in charts.histogram_words(found)


def test_a_cut_that_goes_not_by_size_is_said(case):
    masks = pruner_of(case, "Random", MaskRules()).at(0.5)
    found = diagrams.histogram(case.model, masks, masks.parts[1].name)
    assert "size alone does not decide" in charts.histogram_words(found)


def levels():
    columns = (
        "ratio", "sparsity", "sparsity of all", "after pruning", "retrained", "spread", "seeds"
    )  # fmt: skip
    values = np.array(
        [[0, 0, 0, 0.9, 0.9, np.nan, 1], [0.9, 0.9, 0.8, 0.4, 0.85, 0.02, 2]], np.float64
    )
    return Table(values, ("0%", "90%"), columns, ("share",) * 6 + ("",))


def test_the_curve_goes_by_what_stays_and_the_diamond_stands_at_now():
    plain, again, now = charts.curve(levels(), (0.25, 0.7), "right").data
    assert plain.x == pytest.approx([100, 10])
    assert plain.y == pytest.approx([90, 40])
    assert again.y == pytest.approx([90, 85])
    assert again.error_y.array == pytest.approx([0, 2])
    assert (now.x[0], now.y[0]) == pytest.approx((25, 70))
    assert len(charts.curve(levels(), None, "right").data) == 2


def test_how_far_one_can_go_is_said_for_both_curves():
    words = charts.curve_words(levels(), "right", (0.0, 0.9))
    assert "Right after pruning every level that was tried loses more than a point" in words
    assert "After training again up to 90 % may go" in words


def test_latencies_are_milliseconds_with_their_quartiles():
    rows = [
        Latency("dense", 1, 2.0, 1.5, 3.0, 1.0, 9),
        Latency("masked", 1, 2.1, 2.0, 2.2, 0.95, 9),
    ]
    bars, figures = cost_charts.latencies(rows).data
    assert list(bars.y) == ["masked", "whole model"]
    assert list(bars.x) == [2.1, 2.0]
    assert list(figures.x) == [2.2, 3.0]  # beyond the quartile, so that nothing lies on a word
    assert list(figures.text) == ["  2.1 ms · × 0.95", "  2 ms · × 1.00"]
    assert bars.error_x.array == pytest.approx([0.1, 1.0])
    assert bars.error_x.arrayminus == pytest.approx([0.1, 0.5])


def test_only_classes_that_change_are_drawn_the_worst_on_top():
    values = np.array([[9, 1, 0.5, -0.5, 1], [9, 1, 1, 0, 0], [9, 0.5, 0.7, 0.2, 0.3]])
    columns = ("images", "dense", "pruned", "change", "answers changed")
    table = Table(values, ("7", "8", "9"), columns, ("", *("share",) * 4))
    changes = harm_charts.class_changes(table, None)
    (bars,) = harm_charts.classes(changes).figure(changes).data
    assert list(bars.y) == ["7", "9"]
    assert list(bars.x) == pytest.approx([-50, 20])
    assert list(bars.text) == ["100 → 50 % of 9", "50 → 70 % of 9"]


# ---------------------------------------------------------------- pictures


def test_a_gray_band_behind_each_class_is_the_range_over_other_seeds():
    harm = Table(
        np.array([[9, 1.0, 0.9, -0.1], [9, 1.0, 1.0, 0.0], [9, 0.9, 0.4, -0.5]]),
        ("cat", "dog", "fish"), ("images", "dense", "pruned", "change"),
        ("", "share", "share", "share"),
    )  # fmt: skip
    seeds = Table(
        np.array([[-0.2, 0.1], [-0.05, 0.0]]), ("fish", "cat"), harm_charts.ENDS, ("share",) * 2
    )
    changes = harm_charts.class_changes(harm, seeds)
    band, bars = harm_charts.classes(changes).figure(changes).data
    assert tuple(band.y) == tuple(bars.y) == ("fish", "cat")
    np.testing.assert_allclose(np.asarray(band.base, float), [-20, -5])
    np.testing.assert_allclose(np.asarray(band.x, float), [30, 5])
    assert band.width > bars.width


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_weight_of_a_wall_is_a_square_of_its_own_color(case, masks, theme):
    part = masks.parts[1]  # 16 filters of 8 channels
    found = diagrams.wall(case.model, masks, part.name)
    drawn = mask_pictures.wall(found, theme)
    height, width = drawn.pixels.shape[:2]
    for at, (left, top, across, down) in enumerate(drawn.boxes):
        block = drawn.pixels[
            round(top * height) : round((top + down) * height),
            round(left * width) : round((left + across) * width),
        ]
        gray = (block == mask_pictures.CUT).all(-1).sum() / mask_pictures.CELL**2
        assert gray == np.isnan(found.kernels[at]).sum()


def test_positive_and_negative_weights_differ_and_the_largest_has_the_end_s_color():
    values = np.array([[-2.0, 0.0, 2.0, np.nan]])
    pixels = mask_pictures.signed(values, 2.0, "light")[0]
    assert tuple(pixels[0]) == tuple(mask_pictures.DIVERGING_LIGHT[0])
    assert tuple(pixels[2]) == tuple(mask_pictures.DIVERGING_LIGHT[255])
    assert tuple(pixels[3]) == mask_pictures.CUT


def test_strips_show_the_share_and_dead_rows_stand_out(case):
    masks = pruner_of(case, "Magnitude", MaskRules(structure="filter", allocation="per layer")).at(
        0.5
    )
    one = diagrams.strips(masks)[0]
    pixels = mask_pictures.strip(one)
    orange = (pixels == mask_pictures.DEAD).all(-1)
    assert np.array_equal(orange.all(1), one.dead)
    assert one.dead.any()


def test_a_difference_of_equal_masks_has_one_color_only(masks):
    found = diagrams.difference(masks, masks, masks.parts[1].name)
    colors = mask_pictures.difference(found, "light").reshape(-1, 3)
    mixed = np.outer(found.both.ravel(), mask_pictures.BOTH)
    mixed += np.outer(1 - found.both.ravel(), mask_pictures.PAPER["light"])
    assert np.abs(colors - mixed).max() <= 1


def test_patterns_carry_their_shares_and_words(masks):
    found = diagrams.patterns(masks)
    html = mask_pictures.patterns_html(found)
    assert html.count("<img") == len(found.shares)
    assert f"{100 * found.shares[0]:.1f} %" in html


def test_groups_that_keep_n_say_so_below(case):
    masks = pruner_of(case, "Magnitude", MaskRules(structure="N:M", n=2, m=4)).at(0)
    found = diagrams.groups(masks, masks.parts[1].name, 2, 4)
    exact = mask_pictures.groups(found, 2, "light")
    wrong = mask_pictures.groups(found, 3, "light")
    assert not (exact == mask_pictures.DEAD).all(-1).any()
    assert (wrong == mask_pictures.DEAD).all(-1).any()


# ---------------------------------------------------------------- the sentence


@pytest.mark.parametrize(
    ("first", "second", "top", "said"),
    [
        ("cat", "cat", 0.8, "the answer stays cat, and it looks at about the same place"),
        ("cat", "dog", 0.3, "changes from cat to dog, and it looks partly elsewhere"),
        ("cat", "cat", 0.1, "and it looks elsewhere"),
        ("cat", "cat", float("nan"), "and its heat map is flat"),
    ],
)
def test_the_sentence_says_what_is_out_and_whether_answer_and_place_survive(
    first, second, top, said
):
    words = before_after.words(Change("cat", 0.9, 0.8, first, second, 0.5, top), 0.3)
    assert words.startswith("30 % of the weights are taken out: the answer")
    assert said in words
