"""A picture is drawn again as the viewer shows it, at its own resolution, with its legend."""

import numpy as np
import pytest

from components import colors
from components.widgets.as_seen import Look, MapGround, Scale, as_seen, look_words, read_look
from components.widgets.viewer import as_file
from engine.core.result import HeatMap
from engine.vision.images import Slice, Window
from engine.vision.images.orientation import Edges

GRAY = np.full((64, 64, 3), 100, np.uint8)
RISING = HeatMap(np.tile(np.linspace(0, 1, 8, dtype=np.float32), (8, 1)), "logit", signed=False)
HUGE = 10**400  # a whole number that no float can hold
WINDOW = {"center": 1, "width": 2, "shape": "table", "table": [0.0, 1.0]}
SIGNED = HeatMap(RISING.values * 2 - 1, "logit", signed=True)


def test_a_look_is_what_the_browser_said_within_bounds():
    sent = {"mode": "map", "opacity": 85, "zoom": 2, "x": 0.25, "y": 0.5, "dark": True}
    sent |= {"outline": True, "window": {"center": 40, "width": 80, "shape": "linear"}}
    look = read_look(sent | {"panels": [{"title": "Grad-CAM", "low": -1, "high": 1, "cut": 0.2}]})
    assert (look.mode, look.opacity, look.zoom, look.dark) == ("map", 0.85, 2, True)
    assert look.window == Window(40, 80, "linear")
    assert look.scales == {"Grad-CAM": Scale(-1, 1, 0.2)}
    panels = [{"title": str(at), "low": 0, "high": 1} for at in range(50)]
    look = read_look({"window": WINDOW, "panels": panels})
    assert look.window == Window(1.0, 2.0, "table", (0.0, 1.0))
    assert list(look.scales) == ["0", "1", "2", "3"]  # no more than there can be
    look = read_look({"opacity": 1e9, "zoom": 1e9, "x": 50, "y": -50})
    assert (look.opacity, look.zoom) == (1, 40)
    left, top, right, bottom = look.box(64, 64)
    assert 0 <= left < right <= 64
    assert 0 <= top < bottom <= 64


@pytest.mark.parametrize(
    "sent",
    [
        *(None, "x", [], {}, {"mode": ["image"]}),
        {"mode": 3, "opacity": "loud", "zoom": None, "window": {"width": -1}},
        {"panels": [{"title": "a", "low": float("nan"), "high": 1}, "b", {"low": 2, "high": 1}]},
        *({"panels": odd} for odd in (5, "abc", {"a": 1})),
        {"zoom": HUGE, "opacity": HUGE, "panels": [{"title": "a", "low": -HUGE, "high": HUGE}]},
        *({"window": WINDOW | odd} for odd in ({"width": HUGE}, {"center": "1"})),
        *({"window": WINDOW | {"table": odd}} for odd in (5, ["x"], [None], [HUGE], [], [np.nan])),
    ],
)
def test_whatever_else_is_sent_is_the_usual_look(sent):
    assert read_look(sent) == Look()


def test_opacity_mixes_the_map_with_the_picture_and_what_has_no_value_shows_the_picture():
    pixels, legend = as_seen(RISING, "", MapGround(GRAY), Look(opacity=0.5))
    assert np.abs(pixels[32, 0] - (100.0 + colors.SEQUENTIAL[0]) / 2).max() <= 1
    assert np.abs(pixels[32, 63] - (100.0 + colors.SEQUENTIAL[-1]) / 2).max() <= 1
    assert (legend.low, legend.high, legend.cut) == ("0", "1 logit", "")
    picture, _ = as_seen(RISING, "", MapGround(GRAY), Look(mode="image"))
    assert (picture == GRAY).all()
    values = RISING.values.copy()
    values[:4] = np.nan
    heat = HeatMap(values, "logit", signed=False)
    pixels, _ = as_seen(heat, "", MapGround(GRAY), Look(opacity=1))
    assert (pixels[:32] == 100).all()
    assert not (pixels[32:] == 100).all()


def test_what_is_hidden_shows_the_picture_and_zoom_the_part_that_was_enlarged():
    look = Look(mode="overlay", opacity=1, scales={"a": Scale(-1, 1, 0.5)})
    pixels, legend = as_seen(SIGNED, "a", MapGround(GRAY), look)
    assert (pixels[:, 28:36] == 100).all()
    assert (pixels[:, 0] == colors.DIVERGING_LIGHT[0]).all()
    assert (legend.ramp[128] == 255).all()
    assert legend.cut == "Hidden between −0.5 and 0.5 logit; 50 % of the map is shown."
    assert legend.middle == "0"
    ground = MapGround(np.arange(64 * 64 * 3, dtype=np.uint32).astype(np.uint8).reshape(64, 64, 3))
    look = Look(mode="image", zoom=2, x=0.75, y=0.25)
    pixels, _ = as_seen(RISING, "", ground, look)
    assert (pixels == ground.pixels[:32, 32:]).all()
    assert "Enlarged 2 times" in look_words(look, ground)


def test_a_scan_is_shown_through_the_window_it_was_moved_to_and_names_the_patient_s_sides():
    values = np.tile(np.linspace(-1000, 1000, 64, dtype=np.float32), (64, 1))
    edges = Edges("R", "L", "A", "P")
    behind = Slice(values, 0, "HU", False, Window(0, 2000, "linear exact"), (), edges, "scan")
    ground = MapGround(GRAY, behind)
    look = Look(mode="image", window=Window(500, 100, "linear exact"))
    pixels, _ = as_seen(RISING, "", ground, look)
    assert (pixels[20, :40] == 0).all()
    assert (pixels[20, 55:] == 255).all()
    assert pixels[24:40, :14].max() == 255  # R on black
    assert "Window: center 500, width 100 HU." in look_words(look, ground)


def test_a_file_has_the_picture_pixel_for_pixel_with_legend_and_words_below():
    picture = np.random.default_rng(0).integers(0, 255, (500, 600, 3), np.uint8)
    page = as_file(RISING, "Map", MapGround(picture, words="The middle."), Look(mode="image"))
    places = [at for at in range(page.shape[0] - 500) if (page[at, 24:624] == picture[0]).all()]
    assert len(places) == 1
    assert (page[places[0] : places[0] + 500, 24:624] == picture).all()
    assert page.shape[0] > 500 + places[0] + 60
