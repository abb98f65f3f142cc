"""The chart of unknown images: each mark is the table's figure, and what is missing is said."""

from __future__ import annotations

import numpy as np
import pytest

from components.prune import unknown
from engine.result import Table
from engine.sparsity.effects.unknown import COLUMNS, UNITS


def table(*lines, names=("scenes · KNN", "scenes · MSP", "scenes · Energy")):
    return Table.grid(np.array(lines), tuple(names[: len(lines)]), COLUMNS, UNITS)


def figure_of(shown):
    return unknown.TOLD_APART.figure(shown)


def words_of(shown):
    return unknown.finding({"told": shown})


FIGURES = (
    [0.9, 0.7, -0.2, -0.3, -0.1, 0.2, 0.5, 100, 100, 50],
    [0.8, 0.9, 0.1, 0.05, 0.2, 0.4, 0.1, 100, 100, 50],
)


def test_marks_stand_at_the_figures_of_both_models_row_by_row_from_the_top():
    figure = figure_of(table(*FIGURES))
    whole, pruned = figure.data[-2:]
    assert whole.x == pytest.approx([90, 80])
    assert pruned.x == pytest.approx([70, 90])
    assert list(whole.y) == ["KNN", "MSP"]
    assert figure.layout.yaxis.autorange == "reversed"
    assert {shape.x0 for shape in figure.layout.shapes} == {50}  # chance


def test_each_kind_of_image_has_a_field_with_every_detector_in_it():
    names = [
        f"{kind} · {detector}" for kind in ("Normal images with noise", "B") for detector in "xy"
    ]
    figure = figure_of(table(*FIGURES, *FIGURES, names=names))
    assert [annotation.text for annotation in figure.layout.annotations] == [
        "Normal images with noise",
        "B",
    ]
    marked = [trace for trace in figure.data if trace.mode == "markers"]
    assert [list(trace.y) for trace in marked] == [["x", "y"]] * 4
    assert [trace.yaxis for trace in marked] == ["y", "y", "y2", "y2"]
    assert [trace.showlegend for trace in marked] == [True, True, False, False]


def test_the_words_count_what_is_surely_worse_and_surely_better():
    words = words_of(table(*FIGURES))
    assert (
        "85 % of the time in the whole model and 80 % in the pruned one (AUROC; 100 %: always"
        in words
    )
    assert "below 0) in 1 and surely better in 1" in words
    assert "30 % of the known ones would be flagged before and 30 % now" in words


def test_a_row_without_figures_is_no_number_in_the_words_and_no_mark():
    gone = [0.9, np.nan, np.nan, np.nan, np.nan, 0.2, np.nan, 100, 100, 50]
    words = words_of(table(*FIGURES, gone))
    assert "1 of 3 have no figure" in words
    assert "nan" not in words
    assert words_of(table(gone)) == "No figure can be had. 1 of 1 have no figure."
    assert np.isnan(figure_of(table(gone)).data[-1].x[0])
