"""Scores, rankings and scores of many images: their rows, their parts, and groups of points."""

from dataclasses import replace

import numpy as np
import pytest

from components.charts.tables import as_column
from components.draw.drawing import draw
from components.draw.over_usual import over_usual
from components.draw.placed import curve_with_mark
from components.familiar import closer
from engine.anomaly import COSTARR, KNN, QUICK, Corrupt, ViM
from engine.anomaly.protocol.corrupt import with_flagged
from engine.core.charts.drawing import Drawing
from engine.core.charts.groups import PointGroups
from engine.core.charts.parts import ScoreParts, parts_table
from engine.core.charts.scores import as_rows, of_groups
from engine.core.result import Ranking, Scores, Table
from engine.evaluation.detection.standing import operating
from tests import tiny
from tests.components.pages import page_of
from tests.visits import unfolded

CASE = tiny.familiar_case(tiny.cnn())
SCORES = Scores(np.array([0.2, 0.8], np.float32), ("cat", "owl"), "probability")
NAMES = {"subject": "this image", "normal": "middle normal", "unknown": "middle unknown"}


@pytest.fixture(scope="module")
def answers():
    return {kind.name: kind()(CASE) for kind in QUICK}


def groups(result):
    return {name: result[view] for view, name in NAMES.items()}


def score_of(joined, parts):
    return {"sum": sum(parts), "product": -np.prod(parts), "alone": parts[0]}[joined]


@pytest.mark.parametrize("kind", QUICK, ids=lambda kind: kind.name)
def test_the_parts_of_a_row_make_the_median_score_of_its_group(answers, kind):
    result = answers[kind.name]
    table = parts_table(groups(result))
    for (_, group), parts in zip(groups(result).items(), table.values.tolist(), strict=True):
        middle = np.sort(group.values)[(len(group.values) - 1) // 2]
        assert score_of(group.joined, parts) == pytest.approx(middle, rel=1e-4)


def test_parts_that_add_up_carry_their_sum_and_factors_stand_side_by_side(answers):
    figure = ScoreParts(joined="sum").figure(parts_table(groups(answers[ViM.name])))
    *bars, mark = figure.data
    for at, title in enumerate(mark.y):
        assert mark.x[at] == pytest.approx(sum(bar.x[list(bar.y).index(title)] for bar in bars))
    assert {bar.marker.pattern.shape for bar in bars} == {"", "/"}  # not by color alone
    assert figure.layout.yaxis.autorange == "reversed"
    table = parts_table(groups(answers[COSTARR.name]))
    figure = ScoreParts(joined="product").figure(table)
    assert [note.text for note in figure.layout.annotations] == list(table.columns)
    for bar, name in zip(figure.data, table.columns, strict=True):
        assert list(bar.x) == pytest.approx(table[name].tolist())
        assert bar.text[0] == f"{table[name][0]:.3g}".replace("-", "−")


def test_a_part_has_its_color_in_whatever_order_a_file_gave_the_parts(answers):
    score_groups = groups(answers[ViM.name])
    turned = {
        name: replace(group, parts=dict(reversed(list(group.parts.items()))))
        for name, group in score_groups.items()
    }
    assert list(score_groups["this image"].parts) != list(turned["this image"].parts)
    assert parts_table(score_groups).order == parts_table(turned).order
    assert of_groups(score_groups).order == of_groups(turned).order


def test_every_image_of_the_groups_has_a_row_under_its_group_s_name(answers):
    result = answers[COSTARR.name]
    table = of_groups(groups(result))
    assert table.rows.count("this image") == 1
    assert table.rows.count("middle normal") == len(result["normal"].values)
    assert table["likeness"][0] == result["subject"].parts["likeness"][0]
    assert as_rows(result["normal"]).csv().startswith("row,ids,predicted,labels,score,likeness")


def test_groups_differ_in_color_and_symbol_and_thin_lines_have_gaps_and_ranges_lie_below():
    table = Table.of(
        {"x": ([0.1, 0.2, 0.3, 0.4], ""), "y": ([1.0, 2.0, 3.0, 4.0], "")}, ["a", "b", "b", "me"]
    )
    looks = {"a": "dots", "b": "line", "me": "own"}
    figure = PointGroups(x="x", y="y", looks=looks, products=(0.5,)).figure(table)
    same, dots, line, own_mark = figure.data
    assert [list(trace.y) for trace in (dots, line, own_mark)] == [[1], [2, 3], [4]]
    assert np.asarray(same.x) * np.asarray(same.y) == pytest.approx(0.5)
    assert line.mode == "lines"
    assert own_mark.marker.size > dots.marker.size
    assert own_mark.marker.symbol != dots.marker.symbol
    table = Table.of(
        {"x": ([0.0, 1.0, np.nan, 2.0], ""), "y": ([0.0, 1.0, np.nan, 0.0], "")}, "aaab"
    )
    lines, dots = PointGroups(x="x", y="y", looks={"a": "thin", "b": "dots"}).figure(table).data
    assert (lines.mode, dots.mode) == ("lines", "markers")
    assert not lines.connectgaps
    assert np.isnan(lines.x).tolist() == [False, False, True]
    table = Table.of({"x": ([0.0, 1.0], ""), "y": ([0.0, 1.0], "")}, "ab")
    figure = PointGroups(x="x", y="y", looks={"a": "dots"}, shaded=((0.25, 0.75),)).figure(table)
    (shape,) = figure.layout.shapes
    assert (shape.x0, shape.x1, shape.layer) == (0.25, 0.75, "below")


def test_rows_of_scores_and_rankings_keep_their_labels_and_order():
    assert as_rows(SCORES).rows == ("cat", "owl")
    chances, classes = np.float32([[0.9, 0.1], [0.6, 0.4]]), np.array([[3, 1], [1, 2]])
    names = (("owl", "cat"), ("cat", "dog"))
    rows = as_rows(Ranking(chances, classes, names, "probability"))
    assert rows.rows == ("owl", "cat", "cat", "dog")
    assert rows["place"].tolist() == [1, 1, 2, 2]
    assert rows["class"].tolist() == [3, 1, 1, 2]


def test_scores_are_bars_with_their_finding_and_their_numbers():
    drawing = Drawing("p", "Who it is", finding=lambda _: "owl")
    at = unfolded(page_of(draw, drawing, {"p": SCORES}, "who"))
    assert len(at.get("plotly_chart")) == 1
    assert at.caption[0].value == "owl"
    assert at.dataframe[0].value.iloc[:, 0].tolist() == pytest.approx([0.2, 0.8])


@pytest.fixture(scope="module")
def result():
    return KNN()(CASE)


def test_what_is_not_known_is_left_out_and_the_line_stands_on_the_curve_where_it_was_left(result):
    table = as_column(result["measures"], "this detector")
    assert np.isfinite(table.values).all()
    assert "AUROC" in table.rows
    point = operating(result, float(np.median(result["held"].values)))["roc"]
    drawing = curve_with_mark("roc", "ROC", result["roc"], point, "the line")
    table = drawing.part(result["roc"])
    assert table.rows[-1] == "the line"
    assert table["false alarms"][-1] == pytest.approx(point[0])
    mark = drawing.chart.figure(table).data[-1]
    assert (mark.x[0], mark.y[0]) == pytest.approx((100 * point[0], 100 * point[1]))
    assert f"false alarms {point[0]:.2f}" in drawing.finding(result)


def test_the_steps_are_drawn_from_the_p_values_of_the_normal_images():
    result = Corrupt(images=8)(CASE)
    table = with_flagged(result, 0.2)
    figure = closer.steps_chart(table, 0.5, 0.2).figure(table)
    flagged = next(trace for trace in figure.data if "flagged at 20 %" in trace.name)
    assert flagged.y == pytest.approx(100 * (result["flags"].values <= 0.2).mean(0))
    assert figure.layout.shapes[-1].x0 == 0.5


def test_dimensions_of_the_image_are_dots_over_the_line_of_its_class():
    drawing = over_usual("dimensions", "", ("own", "usual"), ("this image", "its class"), "place")
    table = drawing.part(Table.of({"own": ([1, 2], ""), "usual": ([3, 4], "")}, ("a", "b")))
    line, dots = drawing.chart.figure(table).data
    assert (line.name, list(line.x), list(line.y)) == ("its class", [0, 1], [3, 4])
    assert (dots.name, dots.mode, list(dots.y)) == ("this image", "markers", [1, 2])
