"""Grids of images, and boxes and marks over a picture."""

import io
import re
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from components.draw import boxes
from components.draw.boxes import PictureBoxes
from components.draw.picture_points import PicturePoints
from components.draw.pictures import as_html, draw_pictures
from engine.core.result import Pictures, Table
from tests.components.pages import page_of

HOSTILE = '<img src=x onerror="alert(1)">'


def view(channels=3, side=12, captions=()):
    images = np.random.default_rng(0).integers(0, 255, (2, 2, side, side, channels), np.uint8)
    return Pictures(images, ("before", HOSTILE), ("a", "b"), 'What is "seen".', "", captions)


def test_every_image_is_named_and_labels_are_text():
    html = as_html(view(captions=("one", "two", "three", HOSTILE)))
    assert html.count("<img") == 4
    assert 'alt="a, before"' in html
    assert html.count('scope="col"') == html.count('scope="row"') == 2
    assert 'aria-label="What is &quot;seen&quot;."' in html
    assert "<small>one</small>" in html
    assert HOSTILE not in html


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_sent_without_loss(channels):
    image_view = view(channels)
    (body, *_) = re.findall(r"base64,([^\"]+)", as_html(image_view))
    with Image.open(io.BytesIO(b64decode(body))) as image:
        pixels = np.asarray(image)
    assert np.array_equal(pixels.reshape(12, 12, channels), image_view.images[0, 0])


def test_only_small_images_are_drawn_in_squares_and_a_telephone_shows_up_to_three_in_a_row():
    assert as_html(view(side=12)).count("bs-small") == 4
    assert "bs-small" not in as_html(view(side=200))
    assert "bs-three" in as_html(view())
    images = np.zeros((1, 4, 8, 8, 3), np.uint8)
    assert "bs-three" not in as_html(Pictures(images, ("row",), tuple("abcd"), "Seen.", ""))
    nameless = as_html(Pictures(images[:, :3], ("",), tuple("abc"), "Seen.", ""))
    assert "bs-three" in nameless
    assert 'alt="a"' in nameless


def test_the_finding_stands_below_and_the_grid_can_be_taken_along():
    at = page_of(draw_pictures, view(), "grid")
    assert [caption.value.replace("\\", "") for caption in at.caption] == ['What is "seen".']
    assert len(at.get("download_button")) == 1


PICTURE = np.zeros((50, 100, 3), np.uint8)
NAMES = ("left", "top", "width", "height", "sure")
SHARES = np.array([[0.1, 0.2, 0.3, 0.4, 0.25], [0.5, 0, 0.5, 1, 0.5], [*[np.nan] * 4, 1]]).T
COLUMNS = {name: (shares, "share") for name, shares in zip(NAMES, SHARES, strict=True)}
TABLE = Table.of(COLUMNS, ("cat", "<b>dog</b>", "owl"))


def test_boxes_lie_at_their_shares_and_known_ones_are_dashed_with_their_name_below():
    figure = PictureBoxes(picture=PICTURE, value="sure").figure(TABLE)
    edges, shapes = figure.layout.shapes[::2], figure.layout.shapes[1::2]
    corners = [(shape.x0, shape.y0, shape.x1, shape.y1) for shape in edges]
    assert corners[0] == pytest.approx((10, 10, 40, 30))
    assert corners[1] == pytest.approx((50, 0, 100, 50))
    assert len(corners) == 2  # a row without a place has none
    assert tuple(figure.layout.yaxis.range) == (50, 0)  # downward, as in a picture
    names = [note.text for note in figure.layout.annotations]
    assert names == ["cat: 25 %", "&lt;b&gt;dog&lt;/b&gt;: 50 %"]
    assert {shape.line.color for shape in edges} == {"#000"}
    assert len({shape.line.color for shape in shapes}) == 2
    more = {"known": ([1, 0, 1], ""), "overlap": ([np.nan, 0.4, np.nan], "share")}
    known = Table.of(COLUMNS | more, ("known", "found", "lost"))
    figure = PictureBoxes(picture=PICTURE, known="known", value="overlap").figure(known)
    looks = [(shape.line.dash, shape.line.color) for shape in figure.layout.shapes[1::2]]
    assert looks == [("dash", boxes.KNOWN_COLOR), ("solid", boxes.PREDICTED_COLOR)]
    notes = [(note.text, note.y, note.yanchor) for note in figure.layout.annotations]
    assert notes == [("known", pytest.approx(30), "top"), ("found: 40 %", 0, "bottom")]


def test_marks_stand_at_their_shares_of_the_picture_and_have_their_numbers():
    places = {"left": ([0.25, 0.5], "share"), "top": ([0.1, 0.9], "share")}
    table = Table.of(places | {"distance": ([3.0, 7.5], "px")})
    picture = np.zeros((50, 200, 3), np.uint8)
    figure = PicturePoints(picture=picture, value="distance", chosen=1).figure(table)
    (marks,) = figure.data
    assert (list(marks.x), list(marks.y)) == ([50, 100], [5, 45])
    assert list(marks.marker.color) == [3.0, 7.5]
    assert marks.text == ("3 px", "7.5 px")
    assert marks.marker.line.width[1] > marks.marker.line.width[0]
    assert figure.layout.yaxis.range == (50, 0)  # downward, as rows of a picture
