"""Curves are columns over one axis, in percent where it is a share, over a band of others."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from components.draw.curves import PROBABILITY, all_lines, as_columns
from components.draw.orders import along_order
from engine.result import Curve


def curve(x, y, label="cat", unit="probability", x_label="share of the image"):
    return Curve(np.array(x, np.float32), np.array(y, np.float32), x_label, label, unit)


CURVE = curve([0, 0.25, 1], [0.1, 0.9, 0.5])
LOW, HIGH = curve([0, 0.5, 1], [0.0, 0.2, 0.4]), curve([0, 1], [0.2, 1.0])


def test_other_curves_are_read_off_at_the_places_of_the_first():
    table = as_columns({"own": CURVE, "low": LOW, "high": HIGH}, ("none", "some", "all"))
    assert table.order == ("share of the image", "own", "low", "high")
    assert table["low"].tolist() == pytest.approx([0, 0.1, 0.4])
    assert table["high"].tolist() == pytest.approx([0.2, 0.4, 1])
    assert table.rows == ("none", "some", "all")
    assert table.units == ("share", *["probability"] * 3)


def test_a_curve_is_drawn_in_percent_of_a_share_and_on_the_one_scale_of_probabilities():
    table = as_columns({"cat": CURVE})
    figure = all_lines(table).figure(table)
    (line,) = figure.data
    assert list(line.x) == [0, 25, 100]
    assert list(line.y) == pytest.approx([0.1, 0.9, 0.5])
    assert figure.layout.xaxis.title.text == "share of the image (%)"
    assert figure.layout.yaxis.range == PROBABILITY
    logits = as_columns({"cat": curve([1, 2], [3, 4], unit="logit", x_label="step")})
    assert logits.units == ("", "logit")
    assert all_lines(logits).figure(logits).layout.yaxis.range is None


def test_a_curve_named_as_its_axis_keeps_both():
    table = as_columns({"score": curve([1, 2], [5, 7], unit="logit", x_label="score")})
    assert table.order == ("score", "score (value)")
    (line,) = all_lines(table).figure(table).data
    assert (list(line.x), list(line.y)) == ([1, 2], [5, 7])


def test_an_order_stands_over_the_band_of_others_with_a_line_at_the_step():
    drawing = along_order(
        "deletion", {"cat": CURVE, "dog": HIGH}, (LOW, HIGH), "random orders", "It falls.", now=25.0
    )
    table = drawing.made({})
    figure = drawing.chart.figure(table)
    drawn = {trace.name: list(trace.y) for trace in figure.data if trace.name}
    assert drawn["random orders"] == pytest.approx([0.2, 0.4, 1])
    assert list(figure.data[0].y) == pytest.approx([0, 0.1, 0.4])
    assert drawn["dog"] == pytest.approx([0.2, 0.4, 1])
    assert drawing.title == "These hidden (deletion)"
    assert [shape.x0 for shape in figure.layout.shapes] == [25]
    assert table.order[-2:] == ("lowest of random orders", "highest of random orders")
    alone = along_order("insertion", {"cat": CURVE}, None, "random orders", "It rises.")
    assert len(alone.chart.figure(alone.made({})).data) == 1


def test_a_curve_can_be_taken_along():
    assert as_columns({"cat": CURVE}).csv().splitlines()[0] == "share of the image,cat"


def page() -> None:
    """A page with one curve."""
    from components.draw.drawing import Drawing, draw
    from tests.components.draw.test_curves import CURVE

    drawing = Drawing("curve", "How it goes", finding=lambda result: "The cat leads at 25 %.")
    draw(drawing, {"curve": CURVE}, "curve")


def test_a_curve_is_a_kind_with_its_finding_and_its_numbers():
    at = AppTest.from_function(page).run()
    assert not at.exception
    assert len(at.get("plotly_chart")) == 1
    assert at.get("plotly_chart")[0].proto.alt == "The cat leads at 25 %."
    assert "The numbers as a table" in [expander.label for expander in at.expander]
