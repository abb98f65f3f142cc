"""What the browser is sent: small, exact to the steps of the index, and said in words."""

import io
import json
from base64 import b64decode

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image
from skimage import data

from components.widgets.viewer import Panel, encode_map, encode_picture, finding, payload, viewer
from components.widgets.wording import short_number
from engine.core.result import HeatMap

ASTRONAUT = data.astronaut()


def heat(values, unit="logit", signed=False) -> HeatMap:
    return HeatMap(np.asarray(values, dtype=np.float32), unit, signed)


def noise(side: int, seed: int) -> HeatMap:
    return heat(np.random.default_rng(seed).normal(size=(side, side)), signed=True)


def opened(url: str) -> Image.Image:
    return Image.open(io.BytesIO(b64decode(url.split(",")[1])))


def decoded(sent: dict) -> np.ndarray:
    red, green, blue = np.moveaxis(np.asarray(opened(sent["src"]), dtype=np.float64), -1, 0)
    values = sent["low"] + (red * 256 + green) * (sent["high"] - sent["low"]) / sent["top"]
    return np.where(blue > 127, np.nan, values)


def sent_map(view: HeatMap) -> dict:
    return payload(ASTRONAUT[:8, :8], [Panel("A", view)], "k")["panels"][0]["map"]


numbers = st.floats(-(2.0**100), 2.0**100, width=32) | st.just(float("nan"))


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=numbers))
def test_the_map_comes_back_to_half_a_step(values):
    sent = sent_map(heat(values))
    back = decoded(sent)
    assert (np.isnan(back) == np.isnan(values)).all()
    known = ~np.isnan(values)
    half = (sent["high"] - sent["low"]) / 65535 / 2
    error = np.abs(back[known] - values[known].astype(np.float64))
    assert (error <= half * 1.001 + 1e-9 * max(abs(sent["low"]), abs(sent["high"]))).all()


def test_the_ends_come_back_exactly_infinite_values_are_unknown_and_noise_is_flat():
    back = decoded(sent_map(heat([[-1.25, 0.5], [3.0, 7.75]])))
    assert (back.min(), back.max()) == (-1.25, 7.75)
    back = decoded(sent_map(heat([[np.inf, 1.0], [-np.inf, 2.0]])))
    assert np.isnan(back[:, 0]).all()
    assert back[:, 1] == pytest.approx([1, 2])
    assert sent_map(heat(0.3 + 1e-8 * np.random.default_rng(0).normal(size=(4, 4))))["flat"]
    assert not sent_map(heat([[0.3, 0.301]]))["flat"]
    assert sent_map(heat(np.zeros((4, 4)), signed=True))["flat"]


@pytest.mark.parametrize(("side", "coarse"), [(224, False), (384, True)])
def test_four_noisy_maps_on_a_photograph_stay_below_a_megabyte_in_coarser_steps(side, coarse):
    panels = [Panel(f"Noise {seed}", noise(side, seed)) for seed in range(4)]
    sent = payload(ASTRONAUT, panels, "k")
    assert len(json.dumps(sent)) < 1_000_000
    tops = {panel["map"]["top"] for panel in sent["panels"]}
    assert (max(tops) < 65535) if coarse else tops == {65535}
    first = sent["panels"][0]["map"]
    error = np.abs(decoded(first) - panels[0].heat.values)
    assert error.max() <= np.ptp(panels[0].heat.values) / first["top"] / 2 * 1.001


def test_a_light_picture_is_sent_without_loss_and_a_gray_one_stays_exactly_gray():
    picture = np.zeros((64, 48, 3), np.uint8)
    picture[10:20, 5:9] = (200, 30, 60)
    kind, body = encode_picture(picture)
    assert kind == "png"
    assert (np.asarray(Image.open(io.BytesIO(body))) == picture).all()
    gray = np.repeat(data.camera()[:, :, None], 3, axis=2)
    _, body = encode_picture(gray)
    image = Image.open(io.BytesIO(body))
    assert image.mode == "L"
    assert (np.asarray(image) == gray[..., 0]).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (3000, 2), (1500, 2000)])
def test_a_picture_of_any_shape_is_at_most_640_px_long(shape):
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    sent = payload(picture, [Panel("A", None)], "k")["picture"]
    assert max(opened(sent["src"]).size) == min(640, max(shape))
    assert (sent["height"], sent["width"]) == shape
    assert len(sent["src"]) < 900_000


def test_a_waiting_panel_sends_its_note_and_no_map():
    (sent,) = payload(ASTRONAUT, [Panel("RISE", None, "place 2")], "k")["panels"]
    assert sent == {"title": "RISE", "note": "place 2", "map": None}


@pytest.mark.parametrize("count", [0, 5])
def test_the_row_holds_one_to_four_panels(count):
    with pytest.raises(ValueError, match="one to 4 panels"):
        viewer(ASTRONAUT, [Panel("A", None)] * count, "k")


def test_the_same_map_is_encoded_once(monkeypatch):
    view = noise(32, 7)
    first = sent_map(view)
    monkeypatch.setattr("components.widgets.viewer.encode_map", None)  # would raise when called
    assert sent_map(heat(view.values.copy(), signed=True)) == first


def test_red_and_green_hold_the_index_and_blue_the_gap():
    coded = np.asarray(Image.open(io.BytesIO(encode_map(np.array([[0, 1, np.nan]], np.float32)))))
    assert coded.tolist() == [[[0, 0, 0], [255, 255, 0], [0, 0, 255]]]


def spot(row: float, column: float, shape=(90, 120)) -> np.ndarray:
    values = np.zeros(shape)
    y, x = int(row * shape[0]), int(column * shape[1])
    values[y - 4 : y + 4, x - 4 : x + 4] = 1
    return values


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        (0.15, 0.15, "upper left"),
        (0.15, 0.5, "upper middle"),
        (0.5, 0.5, "middle"),
        (0.5, 0.85, "middle right"),
        (0.85, 0.15, "lower left"),
    ],
)
def test_the_finding_names_the_strongest_place(row, column, words):
    sentence = finding(heat(0.4 + 1.7 * spot(row, column)))
    assert sentence == f"strongest in the {words}, 0.4 to 2.1 logit"


def test_findings(snapshot):
    bright_pixel = spot(0.85, 0.85)
    bright_pixel[5, 5] = 1.5  # it is not the strongest place
    maps = {
        "both signs": heat(2 * spot(0.15, 0.85) - spot(0.85, 0.15), signed=True),
        "nowhere negative": heat(spot(0.5, 0.5), signed=True),
        "nowhere positive": heat(-spot(0.5, 0.5), signed=True),
        "one bright pixel": heat(bright_pixel),
        "no values": heat(np.full((4, 4), np.nan)),
        "no unit": heat([[0.0, 1.0]], unit=""),
        "flat": heat(np.full((4, 4), 0.3)),
    }
    assert snapshot == {name: finding(view) for name, view in maps.items()}


def test_numbers_are_short():
    numbers = (0, -0.0, 0.404, -2.149, 12.6, 1234.4, 0.00123, 0.00001234, -3.2e8, 1e-20)
    words = ["0", "0", "0.4", "−2.1", "13", "1234", "0.0012", "1.2e−5", "−3.2e8", "1.0e−20"]
    assert [short_number(number) for number in numbers] == words


@pytest.mark.parametrize("signed", [False, True])
def test_the_browser_is_told_whether_zero_is_the_middle(signed):
    sent = sent_map(heat([[-1.0, 2.0], [0.5, 1.0]], "logit per step", signed=signed))
    assert sent["signed"] is signed
    assert (sent["low"], sent["high"]) == (-1, 2)
    assert sent["unit"] == "logit per step"
    assert sent["flat"] is False
