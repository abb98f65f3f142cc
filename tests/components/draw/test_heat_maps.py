"""A still map lies over its picture, with the ends of its colors, their unit, and words."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from components.charts import style
from components.charts.style import COLORS
from components.colors import DIVERGING_DARK, DIVERGING_LIGHT, SEQUENTIAL
from components.draw.heat_maps import OverPicture, as_html, blended, border
from engine.result import HeatMap

GRAY = np.full((40, 40, 3), 90, np.uint8)
HOSTILE = '"><script>alert(1)</script>'


def heat(signed=False, unit="logit"):
    values = np.zeros((4, 4), np.float32)
    values[0, 0], values[3, 3] = 2, -1 if signed else 0.5
    return HeatMap(values, unit, signed)


def texts(html):
    return re.findall(r"<span>([^<]*)</span>", html)


def test_the_legend_has_both_ends_and_the_unit():
    assert texts(as_html(heat(), "", OverPicture(picture=GRAY))) == ["0", "2 logit"]
    assert texts(as_html(heat(signed=True), "", OverPicture(picture=GRAY))) == ["−2", "2 logit"]
    assert texts(as_html(heat(), "", OverPicture(span=(0, 8)))) == ["0", "8 logit"]


def test_the_finding_is_the_alt_text_else_where_the_map_is_strongest():
    assert 'alt="It is the ear."' in as_html(heat(), "It is the ear.", OverPicture(picture=GRAY))
    assert 'alt="strongest in the upper left' in as_html(heat(), "", OverPicture(picture=GRAY))
    assert "<script>" not in as_html(heat(unit=HOSTILE), HOSTILE, OverPicture(picture=GRAY))


def test_maps_with_the_same_ends_have_the_same_color_for_the_same_value():
    other = HeatMap(heat().values / 2, "logit", signed=False)
    first, second = (blended(heat_map, OverPicture(span=(0, 2))) for heat_map in (heat(), other))
    assert first[0, 0].tolist() == SEQUENTIAL[255].tolist()
    assert second[0, 0].tolist() == SEQUENTIAL[128].tolist()


@pytest.mark.parametrize(("scheme", "ramp"), [("light", DIVERGING_LIGHT), ("dark", DIVERGING_DARK)])
def test_zero_recedes_into_the_page_in_both_themes(scheme, ramp, monkeypatch):
    theme = SimpleNamespace(context=SimpleNamespace(theme=SimpleNamespace(type=scheme)))
    monkeypatch.setattr(style, "st", theme)
    drawn = blended(heat(signed=True), OverPicture())
    assert drawn[1, 1].tolist() == ramp[128].tolist()


def test_where_nothing_is_known_the_picture_is_seen():
    values = heat().values.copy()
    values[:, :2] = np.nan
    drawn = blended(HeatMap(values, "", signed=False), OverPicture(picture=GRAY))
    assert np.array_equal(drawn[:, :20], GRAY[:, :20])
    assert not np.array_equal(drawn[:, 20:], GRAY[:, 20:])


def test_the_border_of_the_truth_is_drawn_inside_the_mask_alone():
    mask = np.zeros((4, 4), np.bool_)
    mask[1:3, 1:3] = True
    without, drawn = (
        blended(heat(), OverPicture(picture=GRAY, truth=truth)) for truth in (None, mask)
    )
    changed = (without != drawn).any(-1)
    assert np.array_equal(changed, border(mask.repeat(10, 0).repeat(10, 1)))
    assert changed.sum() == 4 * 19
    assert drawn[10, 10].tolist() == list(bytes.fromhex(COLORS["light"][1][1:]))


def page() -> None:
    """A map drawn by its kind."""
    from components.draw.drawing import Drawing, draw
    from components.draw.heat_maps import OverPicture
    from tests.components.draw.test_heat_maps import GRAY, heat

    shape = OverPicture(picture=GRAY)
    draw(Drawing("map", "Where", shape, lambda _: "It is the ear."), {"map": heat()}, "here")


def test_a_map_is_drawn_by_its_kind():
    at = AppTest.from_function(page).run()
    assert not at.exception
    assert at.caption[0].value.startswith("It is the ear")
    assert "bs-map" in at.get("html")[0].proto.body
