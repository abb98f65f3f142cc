"""What Familiar? draws: figures that it did not make up."""

from __future__ import annotations

import numpy as np
import pytest

from components.charts.tables import as_column
from components.draw.over_usual import over_usual
from components.draw.placed import curve_with_mark
from components.familiar import closer
from engine.anomaly import KNN, Corrupt
from engine.anomaly.protocol.corrupt import with_flagged
from engine.anomaly.protocol.standing import operating
from engine.result import Table
from tests import tiny

CASE = tiny.familiar_case(tiny.cnn())


@pytest.fixture(scope="module")
def found():
    return KNN()(CASE)


def test_what_is_not_known_is_left_out_of_the_measures(found):
    table = as_column(found["measures"], "this detector")
    assert np.isfinite(table.values).all()
    assert "AUROC" in table.rows


def test_the_steps_are_drawn_from_the_p_values_of_the_normal_images():
    result = Corrupt(images=8)(CASE)
    table = with_flagged(result, 0.2)
    figure = closer.steps_chart(table, 0.5, 0.2).figure(table)
    flagged = next(trace for trace in figure.data if "flagged at 20 %" in trace.name)
    assert list(flagged.y) == pytest.approx(
        (100 * (result["flags"].values <= 0.2).mean(0)).tolist()
    )
    assert figure.layout.shapes[-1].x0 == 0.5


def test_the_line_stands_on_the_curve_where_it_was_left(found):
    point = operating(found, float(np.median(found["held"].values)))["roc"]
    drawing = curve_with_mark("roc", "ROC", found["roc"], point, "the line")
    table = drawing.part(found["roc"])
    assert table.rows[-1] == "the line"
    assert table["false alarms"][-1] == pytest.approx(point[0])
    mark = drawing.chart.figure(table).data[-1]
    assert (mark.x[0], mark.y[0]) == pytest.approx((100 * point[0], 100 * point[1]))
    assert f"false alarms {point[0]:.2f}" in drawing.finding(found)


def test_dimensions_of_the_image_are_dots_over_the_line_of_its_class():
    drawing = over_usual("dimensions", "", ("own", "usual"), ("this image", "its class"), "place")
    table = drawing.part(Table.of({"own": ([1, 2], ""), "usual": ([3, 4], "")}, ("a", "b")))
    line, dots = drawing.chart.figure(table).data
    assert (line.name, list(line.x), list(line.y)) == ("its class", [0, 1], [3, 4])
    assert (dots.name, dots.mode, list(dots.y)) == ("this image", "markers", [1, 2])
