"""Boxes lie where their shares of the picture's sides say."""

from __future__ import annotations

import numpy as np
import pytest

from components.draw import boxes
from components.draw.boxes import PictureBoxes
from engine.result import Table

PICTURE = np.zeros((50, 100, 3), np.uint8)
TABLE = Table.of(
    {
        "left": ([0.1, 0.5, np.nan], "share"),
        "top": ([0.2, 0.0, np.nan], "share"),
        "width": ([0.3, 0.5, np.nan], "share"),
        "height": ([0.4, 1.0, np.nan], "share"),
        "sure": ([0.25, 0.5, 1.0], "share"),
    },
    ("cat", "<b>dog</b>", "owl"),
)


def test_boxes_lie_at_their_shares_and_a_row_without_a_place_has_none():
    figure = PictureBoxes(picture=PICTURE).figure(TABLE)
    corners = [(shape.x0, shape.y0, shape.x1, shape.y1) for shape in figure.layout.shapes[::2]]
    assert corners[0] == pytest.approx((10, 10, 40, 30))
    assert corners[1] == pytest.approx((50, 0, 100, 50))
    assert len(corners) == 2
    assert tuple(figure.layout.yaxis.range) == (50, 0)  # downward, as in a picture


def test_names_are_text_and_carry_their_number():
    figure = PictureBoxes(picture=PICTURE, value="sure").figure(TABLE)
    assert [note.text for note in figure.layout.annotations] == [
        "cat: 25 %",
        "&lt;b&gt;dog&lt;/b&gt;: 50 %",
    ]


def test_every_box_has_a_color_of_its_own_with_a_black_edge():
    shapes = PictureBoxes(picture=PICTURE).figure(TABLE).layout.shapes
    assert {shape.line.color for shape in shapes[::2]} == {"#000"}
    assert len({shape.line.color for shape in shapes[1::2]}) == 2


def test_known_boxes_are_dashed_with_their_name_below_and_found_ones_solid_with_theirs_above():
    known = Table.of(
        {name: (TABLE[name], "share") for name in ("left", "top", "width", "height")}
        | {"known": ([1, 0, 1], ""), "overlap": ([np.nan, 0.4, np.nan], "share")},
        ("known", "found", "lost"),
    )
    figure = PictureBoxes(picture=PICTURE, known="known", value="overlap").figure(known)
    looks = [(shape.line.dash, shape.line.color) for shape in figure.layout.shapes[1::2]]
    assert looks == [("dash", boxes.KNOWN_COLOR), ("solid", boxes.PREDICTED_COLOR)]
    notes = [(note.text, note.y, note.yanchor) for note in figure.layout.annotations]
    assert notes == [("known", pytest.approx(30), "top"), ("found: 40 %", 0, "bottom")]
