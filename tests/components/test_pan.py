"""A large image to zoom and pan: levels, tiles, what a browser may ask for, and the map over it."""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from components.colors import SEQUENTIAL
from components.widgets import pan
from components.widgets.pan import (
    TileMap,
    highest_squares,
    levels,
    overlay_json,
    requested_tiles,
    tile_url,
)
from engine.images.large_base import WholeImage

PIXELS = np.random.default_rng(0).integers(0, 256, (600, 2500, 3), dtype=np.uint8)
IMAGE = WholeImage(2500, 600, "noise", (), PIXELS)


def opened(url):
    return np.asarray(Image.open(BytesIO(b64decode(url.partition(",")[2]))).convert("RGBA"))


def test_there_are_levels_until_the_overview_is_as_fine():
    assert levels(IMAGE) == 2
    assert levels(WholeImage(900, 600, "small", (), PIXELS[:, :900])) == 1
    assert max(opened(pan.overview(IMAGE)).shape) <= pan.OVERVIEW


def test_a_tile_is_its_part_of_the_image_at_its_level(monkeypatch):
    monkeypatch.setattr(pan, "light", lambda image: ("png", pan.saved(image, "PNG")))
    monkeypatch.setattr(pan, "ENCODED", pan.RecentEncodings(8))
    result = opened(tile_url(IMAGE, 0, 9, 2))[..., :3]
    assert np.array_equal(result, PIXELS[512:600, 2304:2500])
    half = opened(tile_url(IMAGE, 1, 1, 0))[..., :3]
    expected = PIXELS[0:512, 512:1024].reshape(256, 2, 256, 2, 3).mean((1, 3)).round()
    assert np.abs(half - expected).max() <= 1


@pytest.mark.parametrize(
    "wanted",
    [
        None,
        "0/0/0",
        ["0/0"],
        ["a/0/0"],
        ["-1/0/0"],
        ["0/10/0"],
        ["2/0/0"],
        ["0/0/3"],
        ["0/0/0/0"],
        ["0/9999999999/0"],
        [None],
        [["0/0/0"]],
    ],
    ids=str,
)
def test_what_is_no_tile_of_the_image_is_left_out(wanted):
    assert requested_tiles(wanted, IMAGE) == []


def test_a_browser_gets_a_few_tiles_at_a_time():
    requested = [f"0/{column}/{row}" for row in range(3) for column in range(10)]
    result = requested_tiles(requested, IMAGE)
    assert [name for name, _ in result] == requested[: pan.AT_ONCE]
    assert result[11] == ("0/1/1", (0, 1, 1))


def test_the_map_has_a_pixel_for_each_square_and_none_where_nothing_is_known():
    values = np.array([[0.0, 0.5, 1.0], [np.nan, 0.25, 0.75]], np.float32)
    description = overlay_json(TileMap(values, 64, "cosine distance", values > 0.6))
    colors = opened(description["src"])
    assert colors[0, 2].tolist() == [*SEQUENTIAL[-1].tolist(), 255]
    assert colors[1, 0, 3] == 0
    assert description["marked"] == [[0, 2], [1, 2]]
    assert (description["low"], description["high"]) == ("0", "1 cosine distance")


def test_colors_may_follow_the_logarithm_from_some_value_on():
    values = np.array([[0.001, 0.01, 0.1], [1, 10, np.nan]], np.float32)
    description = overlay_json(TileMap(values, 64, "× an equal share", least=0.01))
    image = opened(description["src"])
    steps = [SEQUENTIAL[round(share * (len(SEQUENTIAL) - 1))] for share in (0, 0, 1 / 3, 2 / 3, 1)]
    assert image[..., :3].reshape(-1, 3)[:5].tolist() == np.array(steps).tolist()
    assert image[1, 2, 3] == 0
    assert (description["low"], description["high"]) == ("0.01", "10 × an equal share, logarithmic")


def test_the_strongest_squares_come_first_and_no_unknown_one():
    values = np.array([[0.1, np.nan], [0.9, 0.5]], np.float32)
    assert highest_squares(values, 10) == [(1, 0), (1, 1), (0, 0)]
