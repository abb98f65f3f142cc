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


NAN = float("nan")


@pytest.mark.parametrize(
    "numbers",
    [
        *((-0.1, 0, 0.5, 0.5), (0.6, 0, 0.5, 0.5), (0, 0.6, 0.5, 0.5), (0, 0, 0, 0.5)),
        *((0, 0, 2, 1), (NAN, 0, 0.5, 0.5), (0, 0, 0.5, NAN)),
    ],
)
def test_a_box_outside_the_picture_or_of_no_numbers_is_refused(numbers):
    with pytest.raises(ValueError, match="not inside"):
        Box(*numbers)


def test_what_the_person_left_is_given_back():
    sent = [0.5, 0.5, 0.2, 0.1]
    assert selected_box(answer(sent), "t", START, False) == Box(*sent)
    assert selected_box(answer(sent, tag="old"), "t", START, False) == START  # another picture's
    moved = selected_box(answer([0.5, 0.5, 0.01, 0.01]), "t", START, True)
    assert astuple(moved) == (0.5, 0.5, 0.3, 0.4)  # a fixed size is kept whatever is sent


@pytest.mark.parametrize(
    "state",
    [
        *(None, {}, {"box": None}, {"box": "x"}, {"box": {"tag": "t"}}),
        *(answer(None), answer([1, 2]), answer(["a", 0, 1, 1])),
        *(answer([0.9, 0.9, 0.5, 0.5]), answer([NAN, 0, 0.5, 0.5])),
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


def test_the_question_has_a_new_name_when_anything_changes_and_an_untouched_box_is_the_start():
    questions = [("a", START, False, False), ("b", START, False, False)]
    questions += [("a", START, True, False), ("a", START, False, True)]
    names = {tag_of(*question) for question in questions}
    assert len(names | {tag_of("a", Box(0, 0, 1, 1), False, False)}) == 5
    assert rectangle(np.zeros((20, 30, 3), np.uint8), START, "k", words="Cover") == START


def test_a_box_that_only_lost_its_last_decimals_is_the_one_it_began_with():
    start = Box(1 / 6, 0, 2 / 3, 1)
    assert selected_box(answer([0.1667, 0, 0.6667, 1]), "t", start, True) is start
    assert selected_box(answer([0.1668, 0, 0.6667, 1]), "t", start, True) != start
