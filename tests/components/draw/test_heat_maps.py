"""Maps over pictures, masks and cells that are off: colors, legends and words."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from components.charts import style
from components.colors import DIVERGING_DARK, DIVERGING_LIGHT, SEQUENTIAL
from components.draw import mask_pictures
from components.draw.crossed import DROPPED, SHADE, crossed, crossed_out
from components.draw.drawing import draw
from components.draw.heat_maps import OverPicture, as_html, blended, border
from engine.core.charts.drawing import Drawing
from engine.core.charts.style import COLORS
from engine.core.result import HeatMap
from engine.sparsity import MaskRules, pruner_of
from engine.sparsity.masks import diagrams
from tests.components.pages import page_of

GRAY = np.full((40, 40, 3), 90, np.uint8)
HOSTILE = '"><script>alert(1)</script>'


def heat(signed=False, unit="logit"):
    values = np.zeros((4, 4), np.float32)
    values[0, 0], values[3, 3] = 2, -1 if signed else 0.5
    return HeatMap(values, unit, signed)


def texts(html):
    return re.findall(r"<span>([^<]*)</span>", html)


def test_a_map_has_its_ends_its_unit_and_its_finding_as_text_and_one_color_for_one_value():
    assert texts(as_html(heat(), "", OverPicture(picture=GRAY))) == ["0", "2 logit"]
    assert texts(as_html(heat(signed=True), "", OverPicture(picture=GRAY))) == ["−2", "2 logit"]
    assert texts(as_html(heat(), "", OverPicture(span=(0, 8)))) == ["0", "8 logit"]
    assert 'alt="It is the ear."' in as_html(heat(), "It is the ear.", OverPicture(picture=GRAY))
    assert 'alt="strongest in the upper left' in as_html(heat(), "", OverPicture(picture=GRAY))
    assert "<script>" not in as_html(heat(unit=HOSTILE), HOSTILE, OverPicture(picture=GRAY))
    other = HeatMap(heat().values / 2, "logit", signed=False)
    first, second = (blended(heat_map, OverPicture(span=(0, 2))) for heat_map in (heat(), other))
    assert first[0, 0].tolist() == SEQUENTIAL[255].tolist()
    assert second[0, 0].tolist() == SEQUENTIAL[128].tolist()


@pytest.mark.parametrize(("scheme", "ramp"), [("light", DIVERGING_LIGHT), ("dark", DIVERGING_DARK)])
def test_zero_recedes_into_the_page_in_both_themes(scheme, ramp, monkeypatch):
    theme = SimpleNamespace(context=SimpleNamespace(theme=SimpleNamespace(type=scheme)))
    monkeypatch.setattr(style, "st", theme)
    assert blended(heat(signed=True), OverPicture())[1, 1].tolist() == ramp[128].tolist()


def test_the_picture_is_seen_where_nothing_is_known_and_the_border_of_the_truth_over_it():
    values = heat().values.copy()
    values[:, :2] = np.nan
    drawn = blended(HeatMap(values, "", signed=False), OverPicture(picture=GRAY))
    assert np.array_equal(drawn[:, :20], GRAY[:, :20])
    assert not np.array_equal(drawn[:, 20:], GRAY[:, 20:])
    mask = np.zeros((4, 4), np.bool_)
    mask[1:3, 1:3] = True
    looks = (OverPicture(picture=GRAY), OverPicture(picture=GRAY, truth=mask))
    without, drawn = (blended(heat(), look) for look in looks)
    changed = (without != drawn).any(-1)
    assert np.array_equal(changed, border(mask.repeat(10, 0).repeat(10, 1)))
    assert changed.sum() == 4 * 19
    assert drawn[10, 10].tolist() == list(bytes.fromhex(COLORS["light"][1][1:]))


def test_a_map_is_drawn_by_its_kind():
    drawing = Drawing("map", "Where", OverPicture(picture=GRAY), lambda _: "It is the ear.")
    at = page_of(draw, drawing, {"map": heat()}, "here")
    assert at.caption[0].value.startswith("It is the ear")
    assert "bs-map" in at.get("html")[0].proto.body


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_weight_of_a_wall_is_a_square_of_its_own_color(prune_case, masks, theme):
    part = masks.parts[1]  # 16 filters of 8 channels
    result = diagrams.wall(prune_case.model, masks, part.name)
    drawn = mask_pictures.wall(result, theme)
    height, width = drawn.pixels.shape[:2]
    for at, (left, top, across, down) in enumerate(drawn.boxes):
        rows = slice(round(top * height), round((top + down) * height))
        block = drawn.pixels[rows, round(left * width) : round((left + across) * width)]
        gray = (block == mask_pictures.CUT).all(-1).sum() / mask_pictures.CELL**2
        assert gray == np.isnan(result.kernels[at]).sum()


def test_positive_and_negative_weights_differ_and_the_largest_has_the_end_s_color():
    pixels = mask_pictures.signed_picture(np.array([[-2.0, 0.0, 2.0, np.nan]]), 2.0, "light")[0]
    assert tuple(pixels[0]) == tuple(mask_pictures.DIVERGING_LIGHT[0])
    assert tuple(pixels[2]) == tuple(mask_pictures.DIVERGING_LIGHT[255])
    assert tuple(pixels[3]) == mask_pictures.CUT


def test_dead_rows_stand_out_in_strips_and_so_do_groups_that_do_not_keep_n(prune_case):
    rules = MaskRules(structure="filter", allocation="per layer")
    masks = pruner_of(prune_case, "Magnitude", rules).at(0.5)
    strip = diagrams.strips(masks)[0]
    orange = (mask_pictures.layer_strip(strip) == mask_pictures.DEAD).all(-1)
    assert np.array_equal(orange.all(1), strip.dead)
    assert strip.dead.any()
    masks = pruner_of(prune_case, "Magnitude", MaskRules(structure="N:M", n=2, m=4)).at(0)
    result = diagrams.groups(masks, masks.parts[1].name, 2, 4)
    exact = mask_pictures.groups_picture(result, 2, "light")
    wrong = mask_pictures.groups_picture(result, 3, "light")
    assert not (exact == mask_pictures.DEAD).all(-1).any()
    assert (wrong == mask_pictures.DEAD).all(-1).any()


def test_a_difference_of_equal_masks_has_one_color_and_patterns_carry_their_shares(masks):
    result = diagrams.difference(masks, masks, masks.parts[1].name)
    colors = mask_pictures.difference_picture(result, "light").reshape(-1, 3)
    mixed = np.outer(result.both.ravel(), mask_pictures.BOTH)
    mixed += np.outer(1 - result.both.ravel(), mask_pictures.PAPER["light"])
    assert np.abs(colors - mixed).max() <= 1
    result = diagrams.patterns(masks)
    html = mask_pictures.patterns_html(result)
    assert html.count("<img") == len(result.shares)
    assert f"{100 * result.shares[0]:.1f} %" in html


def test_only_cells_that_are_off_are_grayed_and_each_grid_has_its_count():
    pixels = np.full((64, 64, 3), 50, np.uint8)
    grid = np.ones((8, 8), bool)
    grid[2, 5] = False
    grayed = crossed(pixels, grid)
    cell = grayed.shape[0] // 8
    changed = (grayed != 50).any(-1)
    where = np.zeros_like(changed)
    where[2 * cell : 3 * cell, 5 * cell : 6 * cell] = True
    assert (changed == where).all()
    middle = grayed[2 * cell + cell // 2, 5 * cell + 2]
    assert np.abs(middle - ((1 - SHADE) * 50 + SHADE * DROPPED)).max() <= 1
    grids = np.ones((2, 8, 8), bool)
    grids[1, :2] = False
    view = crossed_out(np.zeros((64, 64, 3), np.uint8), grids, "Layer", "tokens", "what is seen")
    assert view.images.shape[:2] == (1, 2)
    assert view.columns == ("Layer 1", "Layer 2")
    assert view.captions == ("64 of 64 tokens", "48 of 64 tokens")
