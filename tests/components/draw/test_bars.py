"""Grouped, stacked, wide and binned bars, panels, and lines with a name."""

import numpy as np
import pytest

from components.charts import plots
from components.draw.drawing import scrolled
from components.start import pictures
from engine.core.charts.bar_groups import BarGroups
from engine.core.charts.bars import Bars, Dots
from engine.core.charts.bins import Bins
from engine.core.charts.facets import Facets
from engine.core.charts.lines import Lines
from engine.core.charts.panels import Panels, scale_ends
from engine.core.charts.reliability import Reliability, models_in_bins
from engine.core.charts.stacked import Stacked
from engine.core.charts.style import COLORS, GRAY, INK
from engine.core.charts.widths import Widths
from engine.core.result import Evidence, Table

TABLE = Table.of(
    {"before": ([0.5, 0.3], "share"), "after": ([0.25, 0.6], "share"), "weights": ([300, 100], "")},
    ("A · cat", "B · dog"),
)


def test_groups_of_bars_write_their_numbers_and_a_wide_bar_is_as_wide_as_its_row_is_large():
    shape = BarGroups(series={"before": "whole", "after": "pruned"}, names=("cat", "dog"))
    drawn = {bars.name: bars for bars in shape.figure(TABLE).data}
    assert list(drawn["whole"].x) == [50, 30]
    assert list(drawn["pruned"].text) == ["25 %", "60 %"]
    assert list(drawn["whole"].y) == ["cat", "dog"]
    assert len({bars.marker.pattern.shape for bars in drawn.values()}) == 2
    figure = Widths(value="before", width="weights", line=45.0).figure(TABLE)
    (bars,) = figure.data
    assert bars.width == pytest.approx([75, 25])
    assert bars.x == pytest.approx([37.5, 87.5])
    assert (bars.width * bars.y / 100).sum() == pytest.approx(45)
    assert {shape.y0 for shape in figure.layout.shapes} == {45}


def test_bins_are_stacked_and_their_edges_marked():
    columns = {"x": [-1.0, 0.0, 1.0], "cut": [0, 9, 0], "kept": [4, 1, 5]}
    counts = Table.of({name: (numbers, "") for name, numbers in columns.items()})
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


SHARES = {"yes": [0.6, 0.2], "no": [0.38, 0.5], "another word": [0.02, 0.3]}
SHARES = Table.of({word: (row, "share") for word, row in SHARES.items()}, ("Greedy", "VCD"))
PARTS = {name: name for name in SHARES.order}


def test_parts_stand_one_behind_the_other_and_one_without_a_number_takes_no_room():
    figure = Stacked(parts=PARTS, rest="another word", written=True).figure(SHARES)
    assert figure.layout.barmode == "stack"
    assert [bar.name for bar in figure.data] == list(SHARES.order)
    assert np.stack([bar.x for bar in figure.data]).sum(0).tolist() == pytest.approx([100, 100])
    texts = [list(bar.text) for bar in figure.data]
    assert texts == [["60 %", "20 %"], ["38 %", "50 %"], ["", "30 %"]]
    colors = [bar.marker.color for bar in figure.data]
    assert colors[-1] == GRAY
    assert len(set(colors)) == len({bar.marker.pattern.shape for bar in figure.data}) == 3
    parts = {"yes": "closely", "no": "closely", "another word": "plainly"}
    bars = Stacked(parts=parts).figure(SHARES).data
    assert [bar.showlegend for bar in bars] == [True, False, True]
    assert bars[0].marker.color == bars[1].marker.color != bars[2].marker.color
    assert [bar.hovertext for bar in bars] == list(SHARES.order)
    # plotly would put the parts behind a NaN at zero
    table = Table.of({"a": ([0.5, np.nan], "score"), "b": ([np.nan, 0.1], "score")}, ("yes", "no"))
    figure = Stacked(parts={"a": "a", "b": "b"}).figure(table)
    assert [list(bar.x) for bar in figure.data] == [[0.5, 0], [0, 0.1]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_counts_for_nothing_is_empty_and_has_its_place_in_the_legend(scheme, monkeypatch):
    monkeypatch.setattr("engine.core.charts.stacked.theme", lambda: scheme)
    *_, last = Stacked(parts=PARTS, hollow="another word", written=True).figure(SHARES).data
    assert (last.name, last.showlegend) == ("another word", True)
    assert last.marker.color == "rgba(0,0,0,0)"
    assert last.marker.pattern.fgcolor == last.marker.line.color == GRAY
    assert last.insidetextfont.color == INK[scheme]  # it stands on the page
    others = Stacked(parts=PARTS).figure(SHARES).data
    assert [bar.marker.color for bar in others] == list(COLORS[scheme])


COSTS = Table.of({"passes": ([1.0, 2.0], ""), "share": ([0.5, np.nan], "share")}, ("greedy", "VCD"))
PANELS = Panels(
    panels={"passes": "Forward passes", "share": "Share"},
    lines={"passes": 1.0},
    texts={"share": ["50", "cut off"]},
    hatched={"share": [False, True]},
)


def test_each_panel_has_the_numbers_of_its_column_and_room_for_its_texts():
    figure = PANELS.figure(COSTS)
    passes, share = figure.data
    assert list(passes.x) == [1, 2]
    assert list(share.x) == [50, 0]
    assert list(passes.y) == list(share.y) == ["greedy", "VCD"]
    assert (passes.xaxis, share.xaxis) == ("x", "x2")
    assert list(share.text) == ["50", "cut off"]
    assert list(share.marker.pattern.shape) == ["", "/"]
    assert list(passes.marker.pattern.shape) == ["", ""]
    (line,) = figure.layout.shapes
    assert (line.x0, line.x1, line.xref) == (1, 1, "x")
    titles = [note.text for note in figure.layout.annotations]
    assert titles == ["<b>Forward passes</b>", "<b>Share</b>"]
    assert figure.layout.xaxis2.title.text == "%"
    assert scale_ends(np.array([1.0, 2.0, np.nan])) == pytest.approx((0, 2.7))
    low, high = scale_ends(np.array([-1.0, 1.0]))
    assert low < -1 < 1 < high
    assert scale_ends(np.array([np.nan]))[0] == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_panels_have_the_colors_of_the_theme(scheme, monkeypatch):
    monkeypatch.setattr("engine.core.charts.panels.theme", lambda: scheme)
    assert [bar.marker.color for bar in PANELS.figure(COSTS).data] == list(COLORS[scheme][:2])


@pytest.mark.parametrize(("count", "expected"), [(2, False), (3, False), (4, True)])
def test_more_than_three_panels_are_scrolled_on_a_telephone(count, expected):
    assert scrolled(Panels(panels={str(index): "" for index in range(count)})) is expected


PLACES = np.array([1.0, 10.0, 100.0, 1000.0])
SQUARES = Table.of({"x": (PLACES, ""), "y": (PLACES, "")}, ("a", "b", "c", "d"))


def anchor(figure) -> str:
    """Which end of the text is at the line."""
    (note,) = [annotation for annotation in figure.layout.annotations if annotation.text]
    return note.xanchor


@pytest.mark.parametrize(
    ("now", "log", "span", "wanted"),
    [
        (1.0, False, None, "left"),
        (400.0, False, None, "left"),
        (1000.0, False, None, "right"),
        (1200.0, False, None, "right"),
        (20.0, True, None, "left"),
        (100.0, True, None, "right"),
        (1000.0, False, (0.0, 9000.0), "left"),
        (100.0, True, (0.0, 2.0), "right"),
    ],
)
def test_the_name_of_a_place_on_lines(now, log, span, wanted):
    chart = Lines(x="x", series={"y": "y"}, now=now, now_name="this image", log=log, x_span=span)
    assert anchor(chart.figure(SQUARES)) == wanted


@pytest.mark.parametrize(("line", "wanted"), [(1.0, "left"), (999.0, "right"), (5000.0, "right")])
def test_the_name_of_a_line_across_bars(line, wanted):
    assert anchor(Bars(value="y", line=line, line_name="half").figure(SQUARES)) == wanted


def evidence(*values: float) -> Evidence:
    places = np.arange(len(values))
    return Evidence(np.array(values, np.float32), {}, places, places, places, "nats", "alone")


@pytest.mark.parametrize(("own", "wanted"), [(-9.0, "left"), (0.2, "left"), (9.0, "right")])
def test_on_start_the_most_unusual_image_is_named_as_well(own, wanted, monkeypatch):
    drawn = []
    monkeypatch.setattr(plots, "show_figure", lambda figure, *_, **__: drawn.append(figure))
    normal = evidence(*np.linspace(0, 1, 40))
    pictures.draw_histogram({"normal": normal, "subject": evidence(own)}, "words")
    assert anchor(drawn[0]) == wanted
