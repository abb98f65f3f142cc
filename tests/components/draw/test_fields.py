"""Fields, matrices, small maps and models are drawn by kind, with their numbers."""

import numpy as np
import pytest
import streamlit as st

from components.colors import DIVERGING_LIGHT, SEQUENTIAL
from components.draw import grids
from components.draw.agreement import likeness
from components.draw.drawing import draw
from components.draw.fields import FieldChart, field_table
from components.draw.multiples import multiples, short
from components.draw.weight_scores import highest, spread_of
from engine.core.charts.drawing import Drawing
from engine.core.result import Field, Grids, Table, WeightScores
from engine.evaluation.measures.agreement import matrix
from engine.sparsity import Prune, PruneCase
from engine.vision.data import load
from engine.vision.models import catalog
from tests.components.pages import page_of
from tests.visits import unfolded

FIELD = Field(
    np.array([[0.1, 0.2, 0.3], [0.6, 0.7, 0.8]], np.float32),
    np.float32([0, 0.5, 1]),
    np.float32([-1, 1]),
    "way",
    "beside",
    "probability",
)


def test_numbers_are_drawn_at_their_places_on_the_scale_of_their_unit():
    figure = FieldChart(level=0.5).figure(FIELD)
    (trace,) = figure.data
    assert (list(trace.x), list(trace.y)) == ([0, 0.5, 1], [-1, 1])
    assert np.array_equal(trace.z, FIELD.values)
    assert (trace.contours.start, trace.contours.end) == (0.5, 0.5)
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (0, 1)
    assert figure.layout.coloraxis.colorbar.title.text == "probability"
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("way", "beside")
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


def test_a_field_is_drawn_by_its_kind_with_its_numbers_below():
    drawing = Drawing("field", finding=lambda _: "It rises.")
    at = unfolded(page_of(draw, drawing, {"field": FIELD}, "here"))
    assert at.caption[0].value.startswith("It rises")
    assert list(at.dataframe[0].value.index) == ["beside 1", "beside −1"]


NAMES = ("cat", "dog", "owl")


def likeness_of(values):
    names = NAMES[: len(values)]
    return likeness(Table.grid(np.float32(values), names, names, ("Spearman",) * len(values)))


def test_the_pairs_that_agree_most_and_least_are_named(snapshot):
    values = {
        "alike both ways": [[1, 0.5, -0.4], [0.5, 1, 0.9], [-0.4, 0.9, 1]],
        "two directions count by their mean": [[1, 0.2, 0.5], [0.8, 1, 0.6], [0.5, 0.6, 1]],
        "one pair": [[1, 0.25], [0.25, 1]],
        "flat": [[np.nan] * 2] * 2,
    }
    assert {name: likeness_of(grid) for name, grid in values.items()} == snapshot
    first, noise, far = np.float32(np.random.default_rng(0).standard_normal((3, 8, 8)))
    near = first + np.float32(0.05) * noise
    sentence = likeness(matrix([("A", first), ("B", near), ("C", far)]))
    assert sentence.startswith("Most alike: A and B (0.9")
    assert "C (" in sentence.split("Least alike: ")[1]


def test_each_column_s_best_is_marked_once_and_colors_are_decades_of_its_own_base():
    values = np.full((3, 3), 10.0, np.float32)
    np.fill_diagonal(values, 0.1)
    table = Table.grid(values, NAMES, NAMES, ("logit²",) * 3)
    (trace,) = multiples(table, np.float32([1, 10, 1e6]), "no change").figure(table).data
    marked = [[cell.startswith("★") for cell in row] for row in trace.text]
    assert (np.array(marked) == np.eye(3, dtype=bool)).all()
    assert np.array(trace.z)[:, 0] == pytest.approx([-1, 1, 1])
    assert np.array(trace.z)[:, 1] == pytest.approx([0, -2, 0])
    assert np.array(trace.z)[0, 2] == pytest.approx(-3)  # no further
    assert "10 × that of no change" in trace.hovertext[1][0]
    assert [short(value) for value in (0.0, 0.00123, 0.5, 31000.0)] == ["0", "1e−3", "0.5", "3e4"]


def test_the_spread_of_scores_is_that_of_their_sizes_layer_by_layer():
    stem, head = np.linspace(-1, 1, 101, dtype=np.float32), np.full((2, 5), 3, np.float32)
    table = spread_of(WeightScores({"stem": stem, "head": head}, "", "none"))
    assert table.rows == ("stem", "head")
    assert table["median"] == pytest.approx([0.5, 3], abs=0.01)
    assert table["lowest tenth"] == pytest.approx([0.1, 3], abs=0.02)
    assert table["weights"].tolist() == [101, 10]
    assert highest(table).startswith("The weights of head have the largest scores (median 3)")


@pytest.mark.parametrize(("low", "ramp"), [(0.0, SEQUENTIAL), (-4.0, DIVERGING_LIGHT)])
def test_small_maps_share_one_scale(low, ramp):
    values = np.array([[[[low, 0], [2, 4]]], [[[0, 0], [0, 4]]]], np.float32)
    drawn = grids.as_pictures(Grids(values, "%"))
    assert drawn.images.shape[:2] == (2, 1)
    assert (drawn.images[:, 0, -1, -1] == ramp[255]).all()
    assert tuple(drawn.images[0, 0, 0, 0]) == tuple(ramp[0])
    assert "to 4 %" in drawn.finding


def draw_pruned():
    case = PruneCase(catalog.load("digits-cnn"), load("digits"))
    draw(Drawing("model"), Prune(ratio=st.session_state["ratio"])(case), "here")


def test_a_model_is_kept_by_a_button_then_taken_along(empty_home):
    at = page_of(draw_pruned, ratio=0.5)
    at.button(key="here.keep").click().run()
    assert "Kept as a model" in at.success[0].value
    assert at.button[0].label == "Take it to Heatmaps"
    at.session_state["ratio"] = 0.0
    at.run()
    assert at.info[0].value.startswith("Nothing was changed")
    assert not at.button
