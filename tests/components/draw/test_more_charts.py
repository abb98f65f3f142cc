"""Grouped, stacked and wide bars, fields and reliability show the numbers of their columns."""

from __future__ import annotations

import numpy as np
import pytest

from components.draw.bar_groups import BarGroups
from components.draw.bars import Dots
from components.draw.bins import Bins
from components.draw.facets import Facets
from components.draw.reliability import Reliability, models_in_bins
from components.draw.widths import Widths
from engine.result import Table

TABLE = Table.of(
    {"before": ([0.5, 0.3], "share"), "after": ([0.25, 0.6], "share"), "weights": ([300, 100], "")},
    ("A · cat", "B · dog"),
)


def test_groups_of_bars_write_their_numbers_and_differ_without_color():
    shape = BarGroups(series={"before": "whole", "after": "pruned"}, names=("cat", "dog"))
    drawn = {bars.name: bars for bars in shape.figure(TABLE).data}
    assert list(drawn["whole"].x) == [50, 30]
    assert list(drawn["pruned"].text) == ["25 %", "60 %"]
    assert list(drawn["whole"].y) == ["cat", "dog"]
    assert len({bars.marker.pattern.shape for bars in drawn.values()}) == 2


def test_a_bar_is_as_wide_as_its_row_is_large():
    figure = Widths(value="before", width="weights", line=45.0).figure(TABLE)
    (bars,) = figure.data
    assert bars.width == pytest.approx([75, 25])
    assert bars.x == pytest.approx([37.5, 87.5])
    assert (bars.width * bars.y / 100).sum() == pytest.approx(45)
    assert {shape.y0 for shape in figure.layout.shapes} == {45}


def test_bins_are_stacked_and_their_edges_marked():
    counts = Table.of(
        {"x": ([-1.0, 0.0, 1.0], ""), "cut": ([0, 9, 0], ""), "kept": ([4, 1, 5], "")}
    )
    figure = Bins(x="x", series={"cut": "cut", "kept": "stays"}, edges=(-0.5, 0.5)).figure(counts)
    cut, kept_bars = figure.data
    assert (list(cut.y), list(kept_bars.y)) == ([0, 9, 0], [4, 1, 5])
    assert figure.layout.barmode == "stack"
    assert [shape.x0 for shape in figure.layout.shapes] == [-0.5, 0.5]


def test_each_kind_of_row_has_its_field_and_the_legend_names_a_series_once():
    shape = Dots(series={"before": "whole", "after": "pruned"}, joined=True, line=50.0)
    figure = Facets(chart=shape).figure(TABLE)
    assert [note.text for note in figure.layout.annotations] == ["A", "B"]
    marks = [trace for trace in figure.data if trace.mode == "markers"]
    assert [list(trace.y) for trace in marks] == [["cat"], ["cat"], ["dog"], ["dog"]]
    assert [list(trace.x) for trace in marks] == [[50], [25], [30], [60]]
    assert [trace.showlegend for trace in marks] == [True, True, False, False]
    assert [shape.x0 for shape in figure.layout.shapes] == [50, 50]


def test_points_of_reliability_are_larger_with_more_images_and_empty_bins_are_left_out():
    bins = Table.grid(
        np.array([[0, 0.5, 0, 0, 0], [0.5, 0.75, 4, 0.6, 0.5], [0.75, 1, 16, 0.9, 0.95]]),
        ("low", "middle", "high"),
        ("from", "to", "images", "confidence", "right"),
        ("probability", "probability", "", "probability", "share"),
    )
    table = models_in_bins({"dense": bins, "pruned": bins})
    even, dense, pruned = Reliability(models={"dense": "a", "pruned": "b"}).figure(table).data
    assert (list(even.x), list(even.y)) == ([0, 100], [0, 100])
    assert dense.x == pytest.approx([60, 90])
    assert dense.y == pytest.approx([50, 95])
    assert dense.marker.size == pytest.approx([7 + 7.5, 22])
    assert dense.marker.symbol != pruned.marker.symbol
