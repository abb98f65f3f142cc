"""The triangle: its shape, its values, its words and its size, before any browser sees them."""

import io
import json
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from components.widgets import triangle as widget
from components.widgets.triangle import cells_per_side, finding, payload, triangle_layout
from tests.components.level_sets import results
from tests.components.level_sets.results import HOSTILE, bright, falling, triangle, weights_of

BOTH = {"blind spots": triangle(bright), "raw targets": triangle(falling, name="raw target")}


def angle_at(places, corner: int) -> float:
    first, second = (places[(corner + turn) % 3] - places[corner] for turn in (1, 2))
    return float(np.arccos(first @ second / np.linalg.norm(first) / np.linalg.norm(second)))


@pytest.mark.parametrize(
    "third", [(0.45, 0.8), (-0.4, 0.9), (1.4, 0.7), (1.9, 1.6), (-0.7, 1.0), (0.2, 3.0)]
)
def test_angles_are_true_ones(third):
    corners = np.array([(0, 0), (1, 0), third])
    shape = triangle_layout(corners)
    assert not shape.note
    for corner in range(3):
        assert angle_at(shape.places, corner) == pytest.approx(angle_at(corners, corner), abs=1e-6)


def test_the_first_two_corners_stand_at_the_foot():
    places = triangle_layout(np.array(results.SHARP)).places
    assert places[0] == pytest.approx((0, 0.8))
    assert places[1] == pytest.approx((1, 0.8))
    assert places[2] == pytest.approx((0.45, 0))


@pytest.mark.parametrize("third", [(0.5, 0.0), (0.5, 0.01), (2.0, 0.0), (0.0, 0.02), (1.0, 0.0)])
def test_images_on_a_line_are_still_a_triangle_and_it_is_said(third):
    shape = triangle_layout(np.array([(0, 0), (1, 0), third]))
    assert shape.note == widget.IN_LINE
    assert shape.height == pytest.approx(widget.FLATTEST, rel=0.01)


@pytest.mark.parametrize("corners", [np.full((3, 2), np.nan), np.zeros((3, 2))])
def test_corners_without_distances_are_drawn_alike_and_it_is_said(corners):
    shape = triangle_layout(corners)
    assert shape.note == widget.UNKNOWN
    assert [angle_at(shape.places, k) for k in range(3)] == pytest.approx([np.pi / 3] * 3)


numbers = st.floats(-50, 50) | st.just(float("nan"))


@given(st.tuples(numbers, numbers))
def test_any_third_corner_fits_the_drawing(third):
    shape = triangle_layout(np.array([(0, 0), (1, 0), third]))
    assert shape.places.min() == pytest.approx(0)
    assert shape.places[:, 0].max() == pytest.approx(1)
    assert 0.15 < shape.height < 8


@pytest.mark.parametrize("count", [1, 5, 10, 25])
def test_the_grid_is_found_again_and_points_without_one_are_refused(count):
    assert cells_per_side(triangle(bright, cells=count)) == count
    view = triangle(bright)
    with pytest.raises(ValueError, match="no triangular grid"):
        cells_per_side(replace(view, weights=view.weights[:-1], values=view.values[:-1]))


def test_values_go_in_the_order_that_the_browser_reads_and_an_unknown_one_is_null():
    view = triangle(falling)
    turn = np.random.default_rng(0).permutation(len(view.values))
    mixed = replace(view, weights=view.weights[turn], values=view.values[turn])
    sent = payload({"a": mixed}, "k")["triangles"][0]["values"]
    assert sent == pytest.approx(falling(weights_of(10)), abs=1e-4)
    values = bright(weights_of(10))
    values[7] = np.nan
    view = triangle(lambda _: values)
    sent = payload({"a": view}, "k")["triangles"][0]
    assert sent["values"][7] is None
    assert "NaN" not in json.dumps(sent)
    assert "nan" not in sent["finding"]


def test_the_finding_says_the_mean_the_sides_the_lowest_and_where():
    words = finding(BOTH["raw targets"])
    assert words.startswith("Mean 0.18, along the two sides from source 0.35; lowest below 0.01, ")
    assert finding(triangle(lambda w: 1 - 0.6 * w[:, 1])).endswith("lowest 0.40, at blind spot 1.")
    nothing, flat = (triangle(lambda w, v=v: np.full(len(w), v)) for v in (np.nan, 0.7))
    assert finding(nothing) == "No values."
    assert finding(flat) == "Mean 0.70, the same everywhere."


def test_a_shared_picture_goes_once_labels_as_text_and_two_fine_triangles_below_300_kb():
    sent = payload(BOTH, "k")
    assert len(sent["pictures"]) == 3
    assert sent["triangles"][0]["pictures"] == sent["triangles"][1]["pictures"] == [0, 1, 2]
    image = Image.open(io.BytesIO(b64decode(sent["pictures"][0].split(",")[1])))
    assert np.asarray(image.convert("RGB")).mean((0, 1)) == pytest.approx(results.CORNERS[0], abs=4)
    noise = np.random.default_rng(0).random((5, 3, 14, 14)).astype(np.float16)
    photos = noise.repeat(16, axis=2).repeat(16, axis=3)
    fine = triangle(bright, cells=25)
    two = {"a": replace(fine, images=photos[:3]), "b": replace(fine, images=photos[1:4])}
    assert len(json.dumps(payload(two, "k"))) < 300_000
    view = replace(triangle(bright), labels=("source", HOSTILE, "b"))
    sent = payload({HOSTILE: view}, "k", label=HOSTILE)
    assert sent["triangles"][0]["labels"][1] == sent["triangles"][0]["title"] == HOSTILE


def test_the_twin_holds_every_point_of_every_triangle():
    view = widget.twin(BOTH)
    assert view.rows == ("blind spots",) * 66 + ("raw targets",) * 66
    assert view.values[66:, 3] == pytest.approx(view.values[66:, 0] ** 2)
