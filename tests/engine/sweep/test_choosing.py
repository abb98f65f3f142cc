"""Rows are filtered and sorted, and the sentence counts images, not answers."""

from dataclasses import replace

import pytest

from engine.sweep.choosing import ALL, CORRECT, ERRORS, RowChoice, filter_options, sorts_of, summary
from engine.sweep.rows import SweepRow

ROW = SweepRow(
    "", "", "m", "attribution.GradCam", "", "", "", None, correct=None, figures={}, digest="",
    seconds=1.0,
)  # fmt: skip
ROWS = [
    replace(ROW, image="a", label="3", top_class="3", confidence=0.9, correct=True,
            figures={"map.high": 2.0}),
    replace(ROW, image="b", label="3", top_class="5", confidence=0.6, correct=False),
    replace(ROW, image="b", label="3", top_class="5", confidence=0.6, correct=False,
            method="attribution.Occlusion", figures={"map.high": float("nan")}),
    replace(ROW, image="c", figures={"map.high": 1.0}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "places"),
    [
        (RowChoice(), [0, 1, 2, 3]),
        (RowChoice(down=True), [3, 2, 1, 0]),
        (RowChoice(ERRORS), [1, 2]),
        (RowChoice(CORRECT), [0]),
        (RowChoice(ERRORS, {"Method": "attribution.Occlusion"}), [2]),
        (RowChoice(ALL, {"Predicted class": "3"}), [0]),
        (RowChoice(by="Confidence"), [1, 2, 0, 3]),
        (RowChoice(by="Confidence", down=True), [0, 1, 2, 3]),
        (RowChoice(by="map.high"), [3, 0, 1, 2]),  # what has no such figure stands last
        (RowChoice(by="Image", down=True), [3, 1, 2, 0]),
    ],
)
def test_rows_are_filtered_and_sorted(choice, places):
    assert choice.of(ROWS) == [ROWS[place] for place in places]


def test_only_what_tells_rows_apart_is_offered():
    assert filter_options(ROWS) == {
        "Predicted class": ["3", "5"],
        "Method": ["attribution.GradCam", "attribution.Occlusion"],
    }
    assert sorts_of(ROWS)[-1] == "map.high"
    assert filter_options(ROWS[:1]) == {}


def test_the_sentence_counts_images_by_model():
    assert summary(ROWS, {"m": " Digits CNN"}) == "Digits CNN is wrong about 1 of 2 images."
    assert summary(ROWS[3:], {}) == "1 answer: 1 method asked about 1 image."
    four = [replace(ROWS[1], model=str(number)) for number in range(4)]
    assert summary(four, {}).endswith("2 is wrong about 1 of 1 image; ….")
