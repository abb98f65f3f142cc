"""Spreads, trade-offs, rankings and the map of clusters show the numbers they are given."""

import numpy as np
import pytest

from components.report.figures import svg
from engine.core.charts.cluster_map import ClusterMap
from engine.core.charts.lines import Lines, Scatter
from engine.core.charts.ranking import RankingCell, RankingHead, RankingRow, RankingTable
from engine.core.charts.spread import BarsAndLine
from engine.core.charts.trade_off import TradeOff
from engine.core.result import Table

HOSTILE = "<b>x</b>"


def series(figure, name):
    return next(trace for trace in figure.data if trace.name == name)


def test_a_spread_has_bars_in_the_middle_of_their_intervals_and_its_ranges_shaded():
    ends = {"from": ([0.0, 0.5], "probability"), "to": ([0.5, 1.0], "probability")}
    shares = {"members": ([0.25, 0.75], "share"), "forgotten": ([0.5, 0.5], "share")}
    table = Table.of(ends | shares)
    shape = {"bars": {"members": "learned"}, "lines": {"forgotten": "forgotten"}, "x_factor": 100}
    figure = BarsAndLine(**shape, shaded=[(60, 100)]).figure(table)
    assert list(series(figure, "learned").x) == [25, 75]
    assert list(series(figure, "learned").y) == [25, 75]
    assert series(figure, "forgotten").mode == "lines"
    assert [(shape.x0, shape.x1) for shape in figure.layout.shapes] == [(60, 100)]
    gray = BarsAndLine(**shape, faint=True).figure(table)
    assert len({series(gray, "learned").marker.color, series(gray, "forgotten").line.color}) == 1


def test_a_trade_off_has_the_goal_as_a_star_and_paths_in_their_order():
    table = Table.of({"a": ([1.0, 0.5], "share"), "b": ([1.0, 0.2], "share")}, ("goal", "way"))
    path = Table.of({"a": ([0.1, 0.9], "share"), "b": ([0.9, 0.1], "share")}, ("1", "2"))
    figure = TradeOff(x="a", y="b", goal="goal", large="way", paths={"way": path}).figure(table)
    goal, way_points = series(figure, "goal"), series(figure, "way")
    assert (goal.x[0], goal.y[0], goal.marker.symbol) == (100, 100, "star")
    assert (way_points.x[0], way_points.y[0]) == (50, 20)
    (along,) = (trace for trace in figure.data if trace.name is None)
    assert (list(along.x), list(along.y)) == ([10, 90], [90, 10])
    assert figure.layout.yaxis.range[0] == pytest.approx(6)


def test_points_are_parted_by_their_group_and_rays_keep_their_ratio():
    table = Table.of(
        {"x": ([1.0, 10.0, 100.0], ""), "y": ([1.0, 2.0, 3.0], ""), "over": ([0, 1, 0], "")}
    )
    more = {"groups": ("over", ("below", "above")), "rays": {"line": 2.0}}
    figure = Scatter(x="x", y="y", log=True, y_log=True, **more).figure(table)
    assert list(series(figure, "below").x) == [1, 100]
    assert list(series(figure, "above").x) == [10]
    assert list(series(figure, "line").y) == [2, 200]
    assert figure.layout.yaxis.type == "log"
    assert figure.layout.yaxis.range[1] < 1  # decades
    assert series(figure, "below").marker.symbol != series(figure, "above").marker.symbol


def test_lines_over_rows_are_drawn_over_their_names():
    table = Table.of({"likeness": ([1.0, 0.5], "share")}, ("conv1", "logits"))
    (line,) = Lines(x="", series={"likeness": "likeness"}).figure(table).data
    assert list(line.x) == ["conv1", "logits"]
    assert list(line.y) == [100, 50]


def test_a_ranking_can_be_walked_through_and_its_texts_are_text():
    cells = (RankingCell("2.0", "± 1", tint=0.5, bold=True), RankingCell("3", ignored=True))
    heads = (RankingHead("way"), RankingHead(HOSTILE, "GAP", "mean"), RankingHead("cost"))
    rows = (RankingRow(HOSTILE, cells, "bottom"),)
    html = RankingTable("Ways", heads, rows, stacked=True).html()
    assert html.count('scope="col"') == 3
    assert html.count('scope="row"') == 1
    assert 'aria-label="Ways"' in html
    assert 'title="mean"' in html
    assert ",0.50)" in html
    assert "2.0<br><small>± 1</small>" in html
    assert "italic" in html
    assert HOSTILE not in html


def plain(names, *numbers, rows=()):
    """A table of columns without a unit."""
    return Table.of({name: (row, "") for name, row in zip(names, numbers, strict=True)}, rows)


PROTECTED = ("protected x", "protected y")
CLEAN = [0.0, 1.0, 5.0, 9.0], [0.0, 1.0, 5.0, 0.0]
MOVED = [5.0, 5.0, 9.0, -3.0], [5.0, 5.0, 0.0, 0.0]
POINTS = plain(("cluster", "clean x", "clean y", *PROTECTED), [1, 1, 2, 3], *CLEAN, *MOVED)
CENTERS = plain(
    ("target", "x", "y", *PROTECTED),
    *([2, 3, 1], [0.5, 5.0, 9.0], [0.5, 5.0, 0.0], [5.0, 9.0, -3.0], [5.0, 0.0, 0.0]),
    rows=["cluster 1", "cluster 2", "cluster 3"],
)
STATES = ("clean", "protected")


def arrows(figure):  # start and end of each, (K, 2, 2)
    trace = figure.data[-1]
    return np.stack([trace.x, trace.y], 1).reshape(-1, 3, 2)[:, :2]


def test_clusters_have_marks_and_numbers_of_their_own_and_maps_of_one_answer_the_same_axes():
    figure = ClusterMap(centers=CENTERS, state="clean").figure(POINTS)
    assert [trace.name for trace in figure.data[:-1]] == list(CENTERS.rows)
    assert figure.data[0].x.tolist() == [0.0, 1.0]
    assert len({(trace.marker.color, trace.marker.symbol) for trace in figure.data[:-1]}) == 3
    assert [text for text in figure.data[-1].text if text] == ["<b>1</b>", "<b>2</b>", "<b>3</b>"]
    assert arrows(figure)[:, 0].tolist() == [[0.5, 0.5], [5, 5], [9, 0]]
    assert arrows(figure)[:, 1].tolist() == [[5, 5], [9, 0], [0.5, 0.5]]  # to the targets
    ends = ("protected x", "protected y")
    come = ClusterMap(centers=CENTERS, state="protected", ends=ends).figure(POINTS)
    assert arrows(come)[:, 1].tolist() == [[5, 5], [9, 0], [-3, 0]]
    assert come.data[1].x.tolist() == [9.0]
    both = [
        ClusterMap(centers=CENTERS, state=state, states=STATES).figure(POINTS) for state in STATES
    ]
    assert both[0].layout.xaxis.range == both[1].layout.xaxis.range
    low, high = both[0].layout.xaxis.range
    assert (low, high) == pytest.approx((-3 - 0.06 * 12, 9 + 0.06 * 12))
    assert svg(both[0]).startswith("<?xml")
