"""Scans and large images: what the browser is sent can be read back, and is small."""

import base64
import io
import json
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from components.colors import SEQUENTIAL
from components.widgets import pan
from components.widgets.pan import TileMap, levels, overlay_json, requested_tiles, tile_url
from components.widgets.scans import encode, window_json
from components.widgets.viewer import Panel, payload
from engine.core.result import HeatMap
from engine.vision.images import Window, load, read
from engine.vision.images.large_base import WholeImage
from tests.scans import AXIAL, dicom, ramp


def decoded(sent) -> np.ndarray:
    body = base64.b64decode(sent["src"].split(",")[1])
    coded = np.asarray(Image.open(io.BytesIO(body))).astype(np.int64)
    index = coded[..., 0] * 256 + coded[..., 1]
    assert index.max() <= sent["top"]
    return np.where(coded[..., 2] > 127, np.nan, sent["low"] + sent["step"] * index)


def test_every_step_of_a_scan_arrives_and_values_without_steps_in_16_bits():
    values = np.arange(-1024, 3072, dtype=np.float32).reshape(64, 64)
    values[0, 0] = np.nan
    sent = encode(values, 1.0)
    assert np.array_equal(decoded(sent), values, equal_nan=True)
    assert sent["step"] == 1.0
    values = np.random.default_rng(0).normal(size=(200, 200)).astype(np.float32)
    sent = encode(values, 0.0)
    assert np.abs(decoded(sent) - values).max() <= sent["step"]
    assert sent["top"] == 65535


def test_heavy_slices_are_sent_smaller_and_never_without_steps_of_their_own():
    noise = np.random.default_rng(0).normal(size=(900, 900)).astype(np.float32)
    sent = encode(noise, 0.0)
    assert 320 <= decoded(sent).shape[0] < 640
    assert encode(np.rint(noise * 1000), 1.0)["step"] == 1.0


@pytest.mark.parametrize("value", [0.0, -7.5, np.nan])
def test_a_slice_of_one_value_arrives(value):
    values = np.full((4, 4), value, np.float32)
    assert np.array_equal(decoded(encode(values, 0.0)), values, equal_nan=True)


def test_a_noisy_scan_and_four_maps_stay_under_the_budget_of_a_message():
    rng = np.random.default_rng(1)
    picture = read(dicom(rng.integers(-1000, 3000, (1024, 1024)).astype(np.int16)))
    noise = HeatMap(rng.normal(size=(224, 224)).astype(np.float32), "logit", signed=True)
    sent = payload(picture.pixels, [Panel("A", noise)] * 4, "k", picture.behind)
    assert len(json.dumps(sent)) < 1_000_000


def test_windows_sides_and_unit_go_along_and_a_long_table_is_thinned():
    data = dicom(ramp(), Modality="CT", RescaleSlope=1, ImageOrientationPatient=AXIAL)
    picture = read(data)
    scan = payload(picture.pixels, [Panel("A", None)], "k", picture.behind)["picture"]["scan"]
    assert scan["edges"] == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    assert scan["gray"]["unit"] == "HU"
    assert scan["gray"]["window"] == {"center": 40, "width": 400, "shape": "linear", "table": []}
    assert "Lung" in [preset["name"] for preset in scan["gray"]["presets"]]
    assert scan["name"] == load(data).digest
    steps = tuple(np.linspace(0, 1, 4096).tolist())
    table = window_json(Window(2048, 4096, "table", steps))["table"]
    assert len(table) == 1024
    assert table[512] == pytest.approx(0.5, abs=1e-3)


def test_a_scan_in_color_goes_as_a_picture_with_its_sides_and_a_photograph_has_none():
    picture = read(dicom(np.full((8, 8, 3), 90, np.uint8), ImageOrientationPatient=AXIAL))
    sent = payload(picture.pixels, [Panel("A", None)], "k", picture.behind)["picture"]
    assert sent["scan"]["gray"] is None
    assert sent["scan"]["edges"]["left"] == "R"
    sent = payload(np.zeros((4, 4, 3), np.uint8), [Panel("A", None)], "k")
    assert sent["picture"]["scan"] is None


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
    assert np.array_equal(opened(tile_url(IMAGE, 0, 9, 2))[..., :3], PIXELS[512:600, 2304:2500])
    half = opened(tile_url(IMAGE, 1, 1, 0))[..., :3]
    expected = PIXELS[0:512, 512:1024].reshape(256, 2, 256, 2, 3).mean((1, 3)).round()
    assert np.abs(half - expected).max() <= 1


@pytest.mark.parametrize(
    "wanted",
    [
        *(None, "0/0/0", ["0/0"], ["a/0/0"], ["-1/0/0"], ["0/10/0"], ["2/0/0"], ["0/0/3"]),
        *(["0/0/0/0"], ["0/9999999999/0"], [None], [["0/0/0"]]),
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


def test_the_map_of_squares_has_its_colors_and_the_strongest_come_first():
    values = np.array([[0.0, 0.5, 1.0], [np.nan, 0.25, 0.75]], np.float32)
    description = overlay_json(TileMap(values, 64, "cosine distance", values > 0.6))
    colors = opened(description["src"])
    assert colors[0, 2].tolist() == [*SEQUENTIAL[-1].tolist(), 255]
    assert colors[1, 0, 3] == 0
    assert description["marked"] == [[0, 2], [1, 2]]
    assert (description["low"], description["high"]) == ("0", "1 cosine distance")
    values = np.array([[0.001, 0.01, 0.1], [1, 10, np.nan]], np.float32)
    description = overlay_json(TileMap(values, 64, "× an equal share", least=0.01))
    image = opened(description["src"])
    steps = [SEQUENTIAL[round(share * (len(SEQUENTIAL) - 1))] for share in (0, 0, 1 / 3, 2 / 3, 1)]
    assert image[..., :3].reshape(-1, 3)[:5].tolist() == np.array(steps).tolist()
    assert image[1, 2, 3] == 0
    assert (description["low"], description["high"]) == ("0.01", "10 × an equal share, logarithmic")
    values = np.array([[0.1, np.nan], [0.9, 0.5]], np.float32)
    assert pan.highest_squares(values, 10) == [(1, 0), (1, 1), (0, 0)]
