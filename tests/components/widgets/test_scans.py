"""What the browser is sent of a scan can be read back, and is small."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from components.widgets.scans import encode, window_json
from components.widgets.viewer import Panel, payload
from engine.images import Window, load, read
from engine.result import HeatMap
from tests.scans import AXIAL, dicom, ramp


def decoded(sent) -> np.ndarray:
    body = base64.b64decode(sent["src"].split(",")[1])
    coded = np.asarray(Image.open(io.BytesIO(body))).astype(np.int64)
    index = coded[..., 0] * 256 + coded[..., 1]
    assert index.max() <= sent["top"]
    return np.where(coded[..., 2] > 127, np.nan, sent["low"] + sent["step"] * index)


def test_every_step_of_a_scan_that_counts_in_steps_arrives():
    values = np.arange(-1024, 3072, dtype=np.float32).reshape(64, 64)
    values[0, 0] = np.nan
    sent = encode(values, 1.0)
    assert np.array_equal(decoded(sent), values, equal_nan=True)
    assert sent["step"] == 1.0


def test_values_without_steps_arrive_in_16_bits():
    values = np.random.default_rng(0).normal(size=(200, 200)).astype(np.float32)
    sent = encode(values, 0.0)
    assert np.abs(decoded(sent) - values).max() <= sent["step"]
    assert sent["top"] == 65535


def test_heavy_slices_are_sent_smaller_and_never_without_steps_of_their_own():
    noise = np.random.default_rng(0).normal(size=(900, 900)).astype(np.float32)
    sent = encode(noise, 0.0)
    assert 320 <= decoded(sent).shape[0] < 640
    counted = encode(np.rint(noise * 1000), 1.0)
    assert counted["step"] == 1.0


@pytest.mark.parametrize("value", [0.0, -7.5, np.nan])
def test_a_slice_of_one_value_arrives(value):
    assert np.array_equal(
        decoded(encode(np.full((4, 4), value, np.float32), 0.0)),
        np.full((4, 4), value, np.float32),
        equal_nan=True,
    )


def test_a_noisy_scan_and_four_maps_stay_under_the_budget_of_a_message():
    rng = np.random.default_rng(1)
    picture = read(dicom(rng.integers(-1000, 3000, (1024, 1024)).astype(np.int16)))
    noise = HeatMap(rng.normal(size=(224, 224)).astype(np.float32), "logit", signed=True)
    sent = payload(picture.pixels, [Panel("A", noise)] * 4, "k", picture.behind)
    assert len(json.dumps(sent)) < 1_000_000


def test_windows_sides_and_unit_go_along():
    data = dicom(ramp(), Modality="CT", RescaleSlope=1, ImageOrientationPatient=AXIAL)
    picture = read(data)
    scan = payload(picture.pixels, [Panel("A", None)], "k", picture.behind)["picture"]["scan"]
    assert scan["edges"] == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    assert scan["gray"]["unit"] == "HU"
    assert scan["gray"]["window"] == {"center": 40, "width": 400, "shape": "linear", "table": []}
    assert "Lung" in [preset["name"] for preset in scan["gray"]["presets"]]
    assert scan["name"] == load(data).digest


def test_a_scan_in_color_goes_as_a_picture_with_its_sides():
    picture = read(dicom(np.full((8, 8, 3), 90, np.uint8), ImageOrientationPatient=AXIAL))
    sent = payload(picture.pixels, [Panel("A", None)], "k", picture.behind)["picture"]
    assert sent["scan"]["gray"] is None
    assert sent["scan"]["edges"]["left"] == "R"


def test_a_photograph_has_no_scan():
    sent = payload(np.zeros((4, 4, 3), np.uint8), [Panel("A", None)], "k")
    assert sent["picture"]["scan"] is None


def test_a_long_table_is_thinned():
    window = Window(2048, 4096, "table", tuple(np.linspace(0, 1, 4096).tolist()))
    table = window_json(window)["table"]
    assert len(table) == 1024
    assert table[512] == pytest.approx(0.5, abs=1e-3)
