"""What is said of an answer: single numbers, and a small picture."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from engine.pictures import as_bytes, overlay
from engine.result import HeatMap, Scores, Table
from engine.sweep.rows import SIDE, figures_of, row_thumbnail


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
    """Its pixels."""
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
