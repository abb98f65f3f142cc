"""The Ask view's first region and the marks of its chart, and the words of an answer as rows."""

from __future__ import annotations

import numpy as np
import pytest

from components.ask.priors import survival_matrix
from components.ask.region import start
from components.draw.tokens import word_values
from components.widgets.rectangle import Box
from engine.data.scenes import Scenes
from engine.result import Table, Tokens

SCENE = Scenes(kind="counter", seed=1000).scene(424)  # a blue car, a purple wheel, an orange fork


def test_the_first_region_is_around_the_first_thing():
    box, mask = start(SCENE), SCENE.mask("car")
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    assert (box.top * 64, (box.top + box.height) * 64) == pytest.approx(
        (rows[0], rows[-1] + 1), abs=0.05
    )
    assert (box.left * 64, (box.left + box.width) * 64) == pytest.approx(
        (columns[0], columns[-1] + 1), abs=0.05
    )
    assert Box(0.251, 0.5, 0.5, 0.5).sides() == {
        "top": 0.5,
        "left": 0.25,
        "bottom": 1.0,
        "right": 0.75,
    }


def test_a_word_that_survives_in_a_picture_is_marked_there():
    values = np.float32([[0.8], [0.4], [0.39], [0.9]])
    table = Table.grid(values, ("this image", "blank", "noise", "other"), ("1. yes",), ("",))
    assert survival_matrix(table).texts == [["0.80"], ["0.40 ✓"], ["0.39"], ["0.90 ✓"]]


def test_the_words_of_an_answer_are_taken_along_with_how_sure_the_model_was():
    tokens = Tokens(
        np.arange(2),
        np.float32([0.5, 0.25]),
        np.float32([1, 2]),
        np.zeros((2, 1, 1, 1)),
        ("a", "lamp"),
        "describe",
        (1, 1),
        True,
    )
    assert word_values(tokens).csv().splitlines() == [
        "row,probability,entropy",
        "a,0.5,1.0",
        "lamp,0.25,2.0",
    ]
