"""The rectangle: always inside the picture, whatever the browser says."""

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.widgets.rectangle import Box, rectangle, selected_box, squared, tag_of

START = Box(0.1, 0.2, 0.3, 0.4)
shares = st.floats(0.01, 1)


def answer(box, tag="t"):
    return {"box": {"tag": tag, "box": box}}


@pytest.mark.parametrize(
    "numbers",
    [(-0.1, 0, 0.5, 0.5), (0.6, 0, 0.5, 0.5), (0, 0.6, 0.5, 0.5), (0, 0, 0, 0.5), (0, 0, 2, 1)],
)
def test_a_box_outside_the_picture_is_refused(numbers):
    with pytest.raises(ValueError, match="not inside"):
        Box(*numbers)


def test_a_box_of_no_numbers_is_refused():
    with pytest.raises(ValueError, match="not inside"):
        Box(float("nan"), 0, 0.5, 0.5)
    with pytest.raises(ValueError, match="not inside"):
        Box(0, 0, 0.5, float("nan"))


def test_what_the_person_left_is_given_back():
    assert selected_box(answer([0.5, 0.5, 0.2, 0.1]), "t", START, False) == Box(0.5, 0.5, 0.2, 0.1)


def test_an_answer_about_another_picture_is_not_used():
    assert selected_box(answer([0.5, 0.5, 0.2, 0.1], tag="old"), "t", START, False) == START


def test_a_fixed_size_keeps_its_size_whatever_the_browser_says():
    moved = selected_box(answer([0.5, 0.5, 0.01, 0.01]), "t", START, True)
    assert astuple(moved) == (0.5, 0.5, 0.3, 0.4)


@pytest.mark.parametrize(
    "state",
    [
        None,
        {},
        {"box": None},
        {"box": "x"},
        {"box": {"tag": "t"}},
        answer([1, 2]),
        answer(["a", 0, 1, 1]),
        answer([0.9, 0.9, 0.5, 0.5]),
        answer([float("nan"), 0, 0.5, 0.5]),
        answer(None),
    ],
)
def test_nonsense_from_the_browser_leaves_the_start(state):
    assert selected_box(state, "t", START, False) == START


@given(shares, shares, st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 10))
def test_a_squared_box_is_square_in_pixels_and_inside_the_one_given(width, height, x, y, aspect):
    box = Box(x * (1 - width), y * (1 - height), width, height)
    square = squared(box, aspect)
    assert square.width * aspect == pytest.approx(square.height)
    assert square.left >= box.left - 1e-9
    assert square.top >= box.top - 1e-9
    assert square.left + square.width <= box.left + box.width + 1e-9
    assert square.top + square.height <= box.top + box.height + 1e-9


def test_the_question_has_a_new_name_when_anything_in_it_changes():
    names = {
        tag_of("a", START, False, False),
        tag_of("b", START, False, False),
        tag_of("a", Box(0, 0, 1, 1), False, False),
        tag_of("a", START, True, False),
        tag_of("a", START, False, True),
    }
    assert len(names) == 5


def test_before_anybody_touches_it_the_rectangle_is_the_start():
    picture = np.zeros((20, 30, 3), np.uint8)
    assert rectangle(picture, START, "k", words="Cover") == START


def test_a_box_that_only_lost_its_last_decimals_is_the_one_it_began_with():
    start = Box(1 / 6, 0, 2 / 3, 1)
    assert selected_box(answer([0.1667, 0, 0.6667, 1]), "t", start, True) is start
    assert selected_box(answer([0.1668, 0, 0.6667, 1]), "t", start, True) != start
