"""An answer's words: their lines, and what the browser may send."""

from __future__ import annotations

import pytest

from components.widgets.words import picked_from, places_of, underline_style


def width(share):
    return float(underline_style(share)["width"].removesuffix("px"))


def test_the_surer_the_thicker_and_another_color():
    assert width(0.1) < width(0.5) < width(1.0)
    assert underline_style(0.0)["color"] == "light-dark(#e66100, #e66100)"
    assert underline_style(1.0)["color"] == "light-dark(#005ab5, #66b2ff)"
    assert underline_style(1.0)["gap"] == "0.0px"
    assert underline_style(1.2) == underline_style(1.0)


@pytest.mark.parametrize(
    "sent", [None, "x", {}, {"tag": "t"}, {"tag": "t", "places": "0"}, {"tag": "u", "places": [0]}]
)
def test_what_does_not_fit_the_answer_picks_nothing(sent):
    assert places_of(sent, "t", 3) == []


def test_places_are_sorted_once_each_and_inside_the_answer():
    assert places_of({"tag": "t", "places": [2, 0, 2, 7, -1, "1"]}, "t", 3) == [0, 2]


def test_a_link_picks_words_that_exist_or_the_first_choice():
    assert picked_from("0,3", 4, [1]) == (0, 3)
    assert picked_from("9,x,-1", 4, [1]) == (1,)
    assert picked_from("", 4, [1]) == (1,)
