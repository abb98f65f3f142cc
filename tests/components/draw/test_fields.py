"""A field is drawn at its places, with its unit, and its numbers stand in the order of the rows."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from components.draw.fields import FieldChart, field_table
from engine.result import Field
from tests.visits import unfolded

FIELD = Field(
    np.array([[0.1, 0.2, 0.3], [0.6, 0.7, 0.8]], np.float32),
    np.float32([0, 0.5, 1]),
    np.float32([-1, 1]),
    "way",
    "beside",
    "probability",
)


def test_numbers_are_drawn_at_their_places_on_the_scale_of_probabilities():
    figure = FieldChart(level=0.5).figure(FIELD)
    (trace,) = figure.data
    assert (list(trace.x), list(trace.y)) == ([0, 0.5, 1], [-1, 1])
    assert np.array_equal(trace.z, FIELD.values)
    assert (trace.contours.start, trace.contours.end) == (0.5, 0.5)
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (0, 1)
    assert figure.layout.coloraxis.colorbar.title.text == "probability"
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("way", "beside")


def test_other_numbers_have_their_own_ends_and_signed_ones_zero_in_the_middle():
    logits = Field(FIELD.values - 0.5, FIELD.x, FIELD.y, "way", "beside", "logit")
    axis = FieldChart(signed=True).figure(logits).layout.coloraxis
    assert (axis.cmin, axis.cmax, axis.cmid) == (None, None, 0)
    assert FieldChart(span=(-2, 2)).figure(logits).layout.coloraxis.cmin == -2


def test_the_table_has_the_row_on_top_that_is_drawn_on_top():
    table = field_table(FIELD, FieldChart())
    assert table.rows == ("beside 1", "beside −1")
    assert table.order == ("0", "0.5", "1")
    assert table.values[0].tolist() == pytest.approx([0.6, 0.7, 0.8])
    named = FieldChart(downward=True, x_names=("a", "b", "c"), y_names=("one", "two"))
    table = field_table(FIELD, named)
    assert (table.rows, table.order) == (("one", "two"), ("a", "b", "c"))
    assert table.values[0].tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert named.figure(FIELD).layout.yaxis.autorange == "reversed"


def page() -> None:
    """A field drawn by its kind."""
    from components.draw.drawing import Drawing, draw
    from tests.components.draw.test_fields import FIELD

    draw(Drawing("field", finding=lambda _: "It rises."), {"field": FIELD}, "here")


def test_a_field_is_drawn_by_its_kind_with_its_numbers_below():
    at = unfolded(AppTest.from_function(page).run())
    assert at.caption[0].value.startswith("It rises")
    assert list(at.dataframe[0].value.index) == ["beside 1", "beside −1"]
