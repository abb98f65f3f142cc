"""Charts show the numbers of their columns, in the table's order, with units and comparisons."""

import numpy as np
import pytest

from components.charts import plots
from components.draw.tables import draw_chart, transpose
from engine.core.charts.bars import Bars, Dots
from engine.core.charts.chart import column_title, values
from engine.core.charts.lines import Lines, Scatter
from engine.core.charts.matrix import Matrix
from engine.core.result import Table

NAMES = ("cat", "dog", "owl")
TABLE = Table.of(
    {
        "change": ([-0.25, 0.0, 0.5], "share"),
        "low": ([-0.5, -0.1, 0.25], "share"),
        "high": ([0.0, 0.1, 0.75], "share"),
        "loss": ([1.0, 10.0, 100.0], "nat"),
    },
    NAMES,
)


def series(figure, name):
    return next(trace for trace in figure.data if trace.name == name)


def test_shares_are_drawn_in_percent_and_other_units_as_they_are():
    assert values(TABLE, "change").tolist() == [-25, 0, 50]
    assert values(TABLE, "loss").tolist() == [1, 10, 100]
    assert column_title(TABLE, "change") == "change (%)"
    assert column_title(TABLE, "loss") == "loss (nat)"


GRID = Table.grid(
    np.stack([TABLE[name] for name in TABLE.order], 1), NAMES, TABLE.order, TABLE.units
)


@pytest.mark.parametrize("table", [TABLE, GRID])
def test_a_table_of_either_kind_gives_the_same_bars(table):
    figure = Bars(value="change", between=("low", "high", "other seeds")).figure(table)
    bars, behind = series(figure, "change"), series(figure, "other seeds")
    assert (list(bars.y), list(bars.x)) == (list(NAMES), [-25, 0, 50])
    assert list(behind.base) == pytest.approx([-50, -10, 25])
    assert np.add(behind.base, behind.x) == pytest.approx([0, 10, 75])
    assert figure.layout.xaxis.title.text == "change (%)"


def test_the_lowest_bars_come_first_and_whole_numbers_stand_beside_them_with_room():
    figure = Bars(value="change", most=2, texts=("a", "b", "c")).figure(TABLE)
    (bars,) = figure.data
    assert list(bars.y) == ["cat", "owl"]  # no change is no news
    assert list(bars.text) == ["a", "c"]
    lost = Table.of({"lost": ([-0.004, 0.004, -0.016], "share")}, NAMES)
    (bars,) = Bars(value="lost", whole=True).figure(lost).data
    assert list(bars.text) == ["0", "0", "−2"]
    figure = Bars(value="change", whole=True).figure(TABLE)
    low, high = figure.layout.xaxis.range
    assert low < -25
    assert high > 50


def test_dots_carry_their_intervals_may_be_joined_and_keep_their_rows_below_a_legend():
    one, three = (Dots(series={name: name for name in TABLE.order[:n]}) for n in (1, 3))
    lines = three.figure(TABLE).layout.height - one.figure(TABLE).layout.height
    assert lines >= 2 * 19  # px, in a narrow window
    names = {"change": "pruned", "low": "lowest"}
    figure = Dots(series=names, intervals={"change": ("low", "high")}).figure(TABLE)
    marks = series(figure, "pruned")
    assert list(marks.x) == [-25, 0, 50]
    assert np.add(marks.x, marks.error_x.array).tolist() == [0, 10, 75]
    assert np.subtract(marks.x, marks.error_x.arrayminus).tolist() == [-50, -10, 25]
    ended = Dots(series={"change": "share"}, span=(-20, 40)).figure(TABLE)
    assert list(series(ended, "share").x) == [-20, 0, 40]  # beyond the axis, at its end
    figure = Dots(series={"low": "before", "high": "after"}, joined=True).figure(TABLE)
    joins = [trace for trace in figure.data if trace.mode == "lines"]
    assert [list(join.x) for join in joins] == [[-50, 0], [-10, 10], [25, 75]]
    marks = [series(figure, name).marker for name in ("before", "after")]
    assert marks[0].color != marks[1].color
    assert marks[0].symbol != marks[1].symbol


def test_no_two_of_many_lines_look_the_same_and_only_one_over_few_places_has_marks():
    table = Table.of({"x": ([0.0, 1.0], "")} | {f"line {at}": ([0.0, 1.0], "") for at in range(12)})
    figure = Lines(x="x", series={name: name for name in table.order[1:]}).figure(table)
    looks = {(trace.line.color, trace.line.dash, trace.marker.symbol) for trace in figure.data}
    assert len(looks) == 12
    for count, mode in ((24, "lines+markers"), (25, "lines")):
        table = Table.of({"x": (np.arange(count), ""), "y": (np.arange(count), "")})
        assert Lines(x="x", series={"y": "y"}).figure(table).data[0].mode == mode


def test_a_click_means_one_mark_where_marks_can_be_pressed(monkeypatch):
    """With labels over whole columns, Plotly sends any click as one on the last series."""
    sent = []
    monkeypatch.setattr(plots, "with_table", lambda figure, *_args, **_named: sent.append(figure))
    for press in (None, print, lambda picked: None):
        shape = Lines(x="loss", series={"low": "low", "high": "high"}, press=press)
        draw_chart(shape, TABLE, "", "key")
    still, *pressed = (figure.to_dict()["layout"]["hovermode"] for figure in sent)
    assert still == "x unified"
    assert pressed == ["closest", "closest"]
    assert sent[1] is sent[2]  # kept once, whoever is told


def test_lines_have_bands_intervals_and_a_dash_of_their_own():
    lines = {"x": "loss", "series": {"change": "mean", "low": "worst"}}
    marks = {"now": 10.0, "line": 0.0, "line_name": "no change"}
    figure = Lines(**lines, bands={"change": ("low", "high")}, log=True, **marks).figure(TABLE)
    assert list(series(figure, "mean").x) == [1, 10, 100]
    assert list(series(figure, "mean").y) == [-25, 0, 50]
    assert series(figure, "mean").line.dash != series(figure, "worst").line.dash
    low, high = (trace for trace in figure.data if trace.name is None)
    assert list(low.y) == pytest.approx([-50, -10, 25])
    assert list(high.y) == pytest.approx([0, 10, 75])
    assert high.fill == "tonexty"
    assert figure.layout.xaxis.type == "log"
    assert {shape.x0 for shape in figure.layout.shapes} == {10.0, 0}
    assert [note.text for note in figure.layout.annotations] == ["no change"]
    marked = Lines(x="loss", series={"change": "mean"}, now=10.0, now_name="here").figure(TABLE)
    assert [note.text for note in marked.layout.annotations] == ["here"]
    bands = {"change": ("low", "high", "other seeds")}
    figure = Lines(x="loss", series={"change": "mean"}, bands=bands).figure(TABLE)
    assert list(series(figure, "other seeds").y) == pytest.approx([0, 10, 75])
    assert figure.layout.showlegend
    assert [trace.name for trace in figure.data if trace.showlegend] == ["other seeds"]
    places = {"apart": 2.0, "now": 10.0, "now_name": "here"}
    figure = Lines(**lines, intervals={"change": ("low", "high")}, **places).figure(TABLE)
    mean, worst = series(figure, "mean"), series(figure, "worst")
    assert np.add(mean.y, mean.error_y.array).tolist() == [0, 10, 75]
    assert worst.error_y.array is None
    assert list(worst.x) == [3, 12, 102]
    assert [note.text for note in figure.layout.annotations] == ["here"]


def test_marks_of_one_place_are_joined_and_the_other_columns_are_dashes_that_hide_none():
    names = {name: name for name in ("low", "high", "change")}
    joints, *marks = Lines(x="loss", series=names, joined=("low", "high")).figure(TABLE).data
    for at, place in enumerate(TABLE["loss"]):
        span = slice(3 * at, 3 * at + 3)
        assert list(joints.x[span]) == [place] * 3
        assert list(joints.y[span])[:2] == [100 * TABLE["low"][at], 100 * TABLE["high"][at]]
        assert np.isnan(joints.y[span][2])  # a gap, so that the next place has a line of its own
    assert [mark.mode for mark in marks] == ["markers"] * 3
    assert marks[2].marker.symbol == "line-ew-open"
    assert marks[0].marker.symbol != "line-ew-open" != marks[1].marker.symbol


def test_points_without_a_number_are_left_out_and_others_carry_their_names_and_spread():
    gap = Table.of({"x": ([1.0, np.nan, 3.0], "s"), "y": ([1.0, 2.0, 3.0], "")}, NAMES)
    figure = Scatter(x="x", y="y", shown=True, line=2.0, line_name="chance").figure(gap)
    assert list(figure.data[0].hovertext) == ["cat", "owl"]
    assert {note.text for note in figure.layout.annotations} == {"cat", "owl", "chance"}
    assert figure.layout.xaxis.title.text == "x (s)"
    plain = Table.of({"x": ([1.0, 2.0], "s"), "y": ([1.0, 2.0], "")})  # it needs no names
    assert list(Scatter(x="x", y="y").figure(plain).data[0].x) == [1, 2]
    ends = {"y low": ([0.5, 0, 0.5], ""), "y high": ([3.0, 9, 5], "")}
    spread = Table.of({name: ([1.0, np.nan, 3.0], "") for name in ("x", "y", "x ±")} | ends, NAMES)
    shape = Scatter(x="x", y="y", intervals={"x": ("x ±",), "y": ("y low", "y high")})
    (points,) = shape.figure(spread).data
    assert list(points.error_x.array) == [1, 3]
    assert list(points.error_y.array) == [2, 2]  # as far as the ends are, not half of all
    assert list(points.error_y.arrayminus) == [0.5, 2.5]


def test_columns_headed_by_numbers_become_rows():
    heads = ("5 samples", "20 samples")
    view = Table.grid(np.array([[1, 2], [3, 4]], np.float32), ("a", "b"), heads, ("logit",) * 2)
    table = transpose(view)
    assert table.order == ("samples", "a", "b")
    assert table["samples"].tolist() == [5, 20]
    assert table["b"].tolist() == [3, 4]
    assert table.units == ("", "logit", "logit")


COUNTS = Table.grid(np.array([[3, 1], [0, 4]], np.float32), ("a", "b"), ("a", "b"), ("", ""))


def test_a_matrix_has_the_first_row_on_top_and_numbers_and_frames_on_the_squares():
    figure = Matrix(span=(0, 4), bar="images").figure(COUNTS)
    (squares,) = figure.data
    assert np.array(squares.z).tolist() == [[3, 1], [0, 4]]
    assert np.array(squares.text).tolist() == [["3", "1"], ["0", "4"]]
    rounded = Matrix(form=".2f").figure(COUNTS).data[0].text
    assert np.array(rounded).tolist() == [["3.00", "1.00"], ["0.00", "4.00"]]
    small = Table.grid(np.array([[-0.004, -0.006]]), ("a",), ("a", "b"), ("", ""))
    assert list(Matrix(form=".2f").figure(small).data[0].text[0]) == ["0.00", "−0.01"]
    assert figure.layout.yaxis.autorange == "reversed"
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (0, 4)
    assert figure.layout.coloraxis.showscale
    plain, signed = (Matrix(signed=sign).figure(COUNTS).layout.coloraxis for sign in (False, True))
    assert not plain.showscale
    assert plain.colorscale != signed.colorscale
    figure = Matrix(outlined=[(0, 1)], numbers=False).figure(COUNTS)
    (frame,) = figure.layout.shapes
    assert ((frame.x0 + frame.x1) / 2, (frame.y0 + frame.y1) / 2) == (1, 0)
    assert figure.data[0].texttemplate is None
