"""What is said of an answer, and which answers: rows are filtered, sorted and counted."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from engine.core.pictures import as_bytes, overlay
from engine.core.result import HeatMap, Scores, Table
from engine.sweep.choosing import ALL, CORRECT, ERRORS, RowChoice, filter_options, sorts_of, summary
from engine.sweep.rows import SIDE, SweepRow, figures_of, row_thumbnail


def test_figures_are_single_numbers():
    views = {
        "map": HeatMap(np.array([[1.0, np.nan], [3.0, 2.0]], np.float32), "logit", signed=False),
        "few": Scores(np.array([0.5, np.nan], np.float32), ("a", "b"), ""),
        "many": Scores(np.zeros(99, np.float32), tuple(map(str, range(99))), ""),
        "row": Table.of({"n": ([3], ""), "word": (["x"], "")}),
        "rows": Table.of({"n": ([3, 4], "")}),
    }
    assert figures_of(views) == {"map.low": 1, "map.high": 3, "few.a": 0.5, "row.n": 3}


def opened(picture):
    return np.asarray(Image.open(BytesIO(picture)).convert("RGB"))


@pytest.mark.parametrize("shape", [(3, 8, 8), (3, 300, 200)])
def test_the_small_picture_is_the_map_over_its_image(shape):
    image = np.random.default_rng(0).random(shape, np.float32)
    image[:] = image.mean((1, 2), keepdims=True)  # one color, which shrinking leaves alone
    values = np.zeros(shape[1:], np.float32)
    values[: shape[1] // 2] = 1
    heat = HeatMap(values, "logit", signed=False)
    thumbnail = opened(row_thumbnail(image, {"map": heat}))
    assert max(thumbnail.shape[:2]) == SIDE
    assert thumbnail.shape[0] / thumbnail.shape[1] == pytest.approx(shape[1] / shape[2], rel=0.02)
    whole = overlay(as_bytes(image), heat).astype(int)
    for place in (SIDE // 8, -SIDE // 8):
        row = place * shape[1] // SIDE
        assert abs(thumbnail[place].astype(int).mean(0) - whole[row].mean(0)).max() < 8  # of WebP
    plain = opened(row_thumbnail(image, {"other": HeatMap(values[:3], "logit", signed=False)}))
    assert abs(plain.astype(int).mean((0, 1)) - as_bytes(image).mean((0, 1))).max() < 4
    assert row_thumbnail(None, {"map": heat}) == b""


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
    methods = ["attribution.GradCam", "attribution.Occlusion"]
    assert filter_options(ROWS) == {"Predicted class": ["3", "5"], "Method": methods}
    assert sorts_of(ROWS)[-1] == "map.high"
    assert filter_options(ROWS[:1]) == {}


def test_the_sentence_counts_images_by_model():
    assert summary(ROWS, {"m": " Digits CNN"}) == "Digits CNN is wrong about 1 of 2 images."
    assert summary(ROWS[3:], {}) == "1 answer: 1 method asked about 1 image."
    four = [replace(ROWS[1], model=str(number)) for number in range(4)]
    assert summary(four, {}).endswith("2 is wrong about 1 of 1 image; ….")
