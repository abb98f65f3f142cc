"""Where the rectangle begins, and what is said of the answer behind it."""

import numpy as np
import pytest

from components.heatmaps.edit import SIDE, box_around_peak, sentence
from engine.result import HeatMap, Scores


def heat(down, right):
    values = np.zeros((20, 40), np.float32)
    values[down, right] = 1
    values[0, 0] = np.nan
    return HeatMap(values, "logit", signed=False)


def test_the_rectangle_begins_around_the_strongest_place():
    box = box_around_peak(heat(10, 20))
    assert box.left + SIDE / 2 == pytest.approx(20.5 / 40, abs=1e-3)
    assert box.top + SIDE / 2 == pytest.approx(10.5 / 20, abs=1e-3)


@pytest.mark.parametrize(("down", "right"), [(1, 1), (19, 39), (0, 39)])
def test_at_the_border_it_stays_inside_the_image_and_holds_the_place(down, right):
    box = box_around_peak(heat(down, right))
    assert box.left <= (right + 0.5) / 40 <= box.left + box.width
    assert box.top <= (down + 0.5) / 20 <= box.top + box.height


def scores(*values):
    return Scores(np.array(values, np.float32), ("cat", "dog"), "probability")


def test_it_says_what_became_of_the_first_answer_and_what_stands_in_its_place():
    assert sentence(scores(0.7, 0.3), scores(0.6, 0.4)) == "cat: 70 % → 60 %."
    assert sentence(scores(0.7, 0.3), scores(0.2, 0.8)) == "cat: 70 % → 20 %. It now says dog."
