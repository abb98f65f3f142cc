"""Letters at the edges, worked out by hand for the usual planes."""

from dataclasses import astuple

import numpy as np
import pytest

from engine.images.orientation import from_cosines, from_words, letters, opposite
from tests.scans import AXIAL, CORONAL, SAGITTAL


@pytest.mark.parametrize(
    ("cosines", "left", "right", "top", "bottom"),
    [
        (AXIAL, "R", "L", "A", "P"),
        (CORONAL, "R", "L", "H", "F"),
        (SAGITTAL, "A", "P", "H", "F"),
        ([-1, 0, 0, 0, 1, 0], "L", "R", "A", "P"),  # seen from the head
        ([1, 0, 0, 0, np.cos(0.4), -np.sin(0.4)], "R", "L", "AH", "PF"),  # tilted by 23 degrees
        ([1, 0, 0, 0, np.cos(0.2), -np.sin(0.2)], "R", "L", "A", "P"),  # by 11
    ],
)
def test_the_sides_of_the_usual_planes(cosines, left, right, top, bottom):
    assert astuple(from_cosines(cosines)) == (left, right, top, bottom)


@pytest.mark.parametrize(
    "cosines",
    [[], [1, 0, 0], [0] * 6, [1, 0, 0, 1, 0, 0], [2, 0, 0, 0, 2, 0], [np.nan] * 6, [1] * 6],
)
def test_cosines_that_say_nothing_give_no_letters(cosines):
    assert from_cosines(cosines) is None


def test_words_of_a_projection():
    assert astuple(from_words(["P", "F"])) == ("A", "P", "H", "F")
    assert astuple(from_words(["L", "FP"])) == ("R", "L", "HA", "FP")
    for wrong in ([], ["L"], ["Doe", "Jane"], ["", ""], ["L", "F", "A"]):
        assert from_words(wrong) is None


def test_letters_and_their_opposites():
    assert letters([0, 0.1, -0.99]) == "F"
    assert opposite("AH") == "PF"
