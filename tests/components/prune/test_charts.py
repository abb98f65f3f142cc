"""What the Prune view draws and says: every number is the masks' and the answers' own."""

import numpy as np
import pytest

from components.draw.two_models import ModelComparison
from components.prune import accuracy, before_after, cost, harm, kernels, layers, seeds, unknown
from engine.core.result import Table
from engine.sparsity import MaskRules, pruner_of
from engine.sparsity.effects.latency import Latency, timing_table
from engine.sparsity.effects.unknown import COLUMNS, UNITS
from engine.sparsity.masks import diagrams
from engine.sparsity.prune import layer_table


def test_bars_are_as_wide_as_layers_as_high_as_what_stays_and_hatched_where_filters_are_dead(
    masks, prune_case
):
    (bars,) = layers.layer_widths(masks).figure(layer_table(masks)).data
    sizes = np.array([part.size for part in masks.parts])
    assert bars.width == pytest.approx(100 * sizes / sizes.sum())
    assert bars.x[0] == pytest.approx(bars.width[0] / 2)
    assert bars.x[-1] + bars.width[-1] / 2 == pytest.approx(100)
    assert bars.y == pytest.approx(100 * masks.counts / sizes)
    area = (bars.width * bars.y / 100).sum()
    assert area == pytest.approx(100 * masks.density)  # so that the dashed line is their mean
    rules = MaskRules(structure="filter", allocation="per layer")
    masks = pruner_of(prune_case, "Magnitude", rules).at(0.5)
    (bars,) = layers.layer_widths(masks).figure(layer_table(masks)).data
    assert set(bars.marker.pattern.shape) == {"/"}
    assert f"{sum(masks.dead_filters)} filters are dead" in layers.finding(masks)


def test_the_histogram_holds_every_weight_once_and_says_where_the_cut_lies(prune_case, masks):
    part = masks.parts[1]
    result = diagrams.histogram(prune_case.model, masks, part.name)
    cut, kept_bars = kernels.bins(result).figure(kernels.counts(result)).data
    assert sum(cut.y) + sum(kept_bars.y) == part.size
    assert sum(kept_bars.y) == masks.array(part.name).sum()
    assert f"a size of {result.above:.3g}" in kernels.finding(result)
    masks = pruner_of(prune_case, "Random", MaskRules()).at(0.5)
    result = diagrams.histogram(prune_case.model, masks, masks.parts[1].name)
    assert "size alone does not decide" in kernels.finding(result)


def levels(retrained=(0.9, 0.85)):
    columns = {"ratio": (0, 0.9), "sparsity": (0, 0.9), "sparsity of all": (0, 0.8)}
    columns |= {"after pruning": (0.9, 0.4), "retrained": retrained, "spread": (np.nan, 0.02)}
    values = np.array([*columns.values(), (1, 2)]).T
    return Table.grid(values, ("0%", "90%"), (*columns, "seeds"), ("share",) * 6 + ("",))


def test_the_curve_goes_by_what_stays_and_the_diamond_stands_at_now():
    drawn = accuracy.with_what_stays(levels())
    figure = accuracy.curve(levels(), (0.25, 0.7), "right").figure(drawn)
    plain, again, now = figure.data
    assert plain.x == pytest.approx([100, 10])
    assert plain.y == pytest.approx([90, 40])
    assert again.y == pytest.approx([90, 85])
    assert again.error_y.array == pytest.approx([0, 2])
    assert (now.x[0], now.y[0]) == pytest.approx((25, 70))
    (band,) = figure.layout.shapes
    assert (band.y0, band.y1) == pytest.approx((89, 91))
    assert len(accuracy.curve(levels(), None, "right").figure(drawn).data) == 2
    untrained = levels((np.nan, np.nan))
    shape = accuracy.curve(untrained, None, "right")
    assert len(shape.figure(accuracy.with_what_stays(untrained)).data) == 1


def test_latencies_are_milliseconds_with_their_quartiles_in_a_field_for_each_batch():
    rows = [
        Latency(name, batch, 2.0 + batch, 1.5 + batch, 3.0 + batch, ratio, 9)
        for batch in (1, 32)
        for name, ratio in (("dense", 1.0), ("masked", 0.95), ("channels taken out", 2.0))
    ]
    figure = cost.TIMES.figure(timing_table(rows))
    fields = [note.text for note in figure.layout.annotations]
    assert fields == ["1 image at a time", "32 images at a time"]
    first, speeds, second, _ = figure.data
    assert [*first.x, *second.x] == [3] * 3 + [34] * 3
    assert first.y[0] == "whole model"
    assert first.error_x.array == pytest.approx([1.0] * 3)
    assert first.error_x.arrayminus == pytest.approx([0.5] * 3)
    assert list(speeds.x) == [4, 4, 4]  # beyond the quartile, so that nothing lies on a word
    assert [text.strip() for text in speeds.text] == ["× 1.00", "× 0.95", "× 2.00"]
    assert "32 at a time: masked × 0.95, channels taken out × 2.00" in cost.faster(rows)


def test_only_classes_that_change_are_drawn_the_worst_on_top():
    values = np.array([[9, 1, 0.5, -0.5, 1], [9, 1, 1, 0, 0], [9, 0.5, 0.7, 0.2, 0.3]])
    columns = ("images", "dense", "pruned", "change", "answers changed")
    table = Table.grid(values, ("7", "8", "9"), columns, ("", *("share",) * 4))
    (bars,) = harm.classes(table).figure(table).data
    assert list(bars.y) == ["7", "9"]
    assert list(bars.x) == pytest.approx([-50, 20])
    assert list(bars.text) == ["100 → 50 % of 9", "50 → 70 % of 9"]


def test_a_gray_band_behind_each_class_is_the_range_over_other_seeds():
    values = np.array([[-0.5, -0.2, 0.1], [-0.1, -0.05, 0.0]])
    table = Table.grid(values, ("fish", "cat"), ("change", *seeds.ENDS), ("share",) * 3)
    band, bars = seeds.CLASSES.figure(table).data
    assert tuple(band.y) == tuple(bars.y) == ("fish", "cat")
    assert list(bars.x) == pytest.approx([-50, -10])
    np.testing.assert_allclose(np.asarray(band.base, float), [-20, -5])
    np.testing.assert_allclose(np.asarray(band.x, float), [30, 5])
    assert band.width > bars.width


def table(*lines, names=("scenes · KNN", "scenes · MSP", "scenes · Energy")):
    return Table.grid(np.array(lines), tuple(names[: len(lines)]), COLUMNS, UNITS)


def figure_of(shown):
    return unknown.TOLD_APART.figure(shown)


DETECTED = (
    [0.9, 0.7, -0.2, -0.3, -0.1, 0.2, 0.5, 100, 100, 50],
    [0.8, 0.9, 0.1, 0.05, 0.2, 0.4, 0.1, 100, 100, 50],
)


def test_marks_stand_at_the_figures_of_both_models_row_by_row_from_the_top():
    figure = figure_of(table(*DETECTED))
    whole, pruned = figure.data[-2:]
    assert whole.x == pytest.approx([90, 80])
    assert pruned.x == pytest.approx([70, 90])
    assert list(whole.y) == ["KNN", "MSP"]
    assert figure.layout.yaxis.autorange == "reversed"
    assert {shape.x0 for shape in figure.layout.shapes} == {50}  # chance


def test_each_kind_of_image_has_a_field_with_every_detector_in_it():
    kinds = ["Normal images with noise", "B"]
    names = [f"{kind} · {detector}" for kind in kinds for detector in "xy"]
    figure = figure_of(table(*DETECTED, *DETECTED, names=names))
    assert [annotation.text for annotation in figure.layout.annotations] == kinds
    marked = [trace for trace in figure.data if trace.mode == "markers"]
    assert [list(trace.y) for trace in marked] == [["x", "y"]] * 4
    assert [trace.yaxis for trace in marked] == ["y", "y", "y2", "y2"]
    assert [trace.showlegend for trace in marked] == [True, True, False, False]


EVEN = [0.9, 0.9, 0, -0.1, 0.1, 0.2, 0.2, 100, 100, 50]
GONE = [0.9, np.nan, np.nan, np.nan, np.nan, 0.2, np.nan, 100, 100, 50]


def test_a_row_without_figures_has_no_mark():
    assert np.isnan(figure_of(table(GONE)).data[-1].x[0])


def test_sentences(snapshot):
    def compared(second, top, sparsity=0.3):
        comparison = ModelComparison("cat", 0.9, 0.8, "cat", second, 0.5, top)
        return before_after.comparison_text(comparison, sparsity)

    def losses(*classes):  # the change of each, and the lowest of other seeds
        values = np.array([(*ends, 0.1) for ends in classes])
        rows, columns = ("fish", "cat")[: len(classes)], ("change", *seeds.ENDS)
        return seeds.class_finding({"classes": Table.grid(values, rows, columns, ("share",) * 3)})

    assert snapshot == {
        "nothing out": compared("cat", 1.0, 0.0),
        "same place": compared("cat", 0.8),
        "another answer": compared("dog", 0.3),
        "elsewhere": compared("cat", 0.1),
        "flat": compared("cat", np.nan),
        "curves": accuracy.finding({"levels": levels((0.9, 0.895))}, "right"),
        "without training": accuracy.finding({"levels": levels((np.nan, np.nan))}, "right"),
        "classes": losses((-0.5, -0.2), (-0.1, -0.05)),
        "one class": losses((-0.1, -0.2), (-0.1, -0.05)),
        "no class": losses((-0.2, -0.2)),
        "told apart": unknown.finding({"told": table(*DETECTED, EVEN)}),
        "one without figures": unknown.finding({"told": table(*DETECTED, GONE)}),
        "none with figures": unknown.finding({"told": table(GONE)}),
    }
