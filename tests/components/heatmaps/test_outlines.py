"""Outlines, where maps are cut, peaks, and the rectangle over the strongest place."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from components.heatmaps import offsets, outlines
from components.heatmaps.edit import SIDE as BOX_SIDE
from components.heatmaps.edit import box_around_peak, sentence
from components.heatmaps.peaks import peaks_text
from engine.core.pictures.drawn import AGREED, EXTRA, MISSED, SHADE
from engine.core.result import HeatMap, Scores, Table
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.maps.own_map import OwnMap
from engine.evaluation.measures.outlines import dice, iou, outlined
from engine.evaluation.trust.among import DICE, IOU, POINTS, THIS_IMAGE, image_table

SIDE = 12


def subject(mask):
    return SimpleNamespace(case=SimpleNamespace(image=torch.full((3, SIDE, SIDE), 0.5)), mask=mask)


def answers():
    own_values, other = np.zeros((2, SIDE, SIDE), np.float32)
    own_values[2:6, 2:6], other[3:9, 3:9] = 3.0, 1.0
    outline = HeatMap((own_values > 0).astype(np.float32), "inside", signed=False)
    return {
        OwnMap.title: {"map": HeatMap(own_values, "logit", signed=True), "outline": outline},
        "Grad-CAM": {"map": HeatMap(other, "logit per cell", signed=False)},
    }


def test_agreed_missed_and_extra_pixels_have_their_colors_and_without_a_truth_all_is_white():
    truth = np.zeros((SIDE, SIDE), np.bool_)
    truth[2:8, 2:8] = True
    result = outlines.pictures(answers(), subject(truth))
    assert result.columns == ("image", OwnMap.title, "Grad-CAM")
    image, own_picture, cam = result.images[0]
    inside = outlined(answers()["Grad-CAM"]["map"].values).inside
    own_outline = answers()[OwnMap.title]["outline"].values > 0
    for shaded, mask in ((own_picture, own_outline), (cam, inside)):
        parts = ((mask & truth, AGREED), (truth & ~mask, MISSED), (mask & ~truth, EXTRA))
        for where, color in parts:
            expected = np.rint((1 - SHADE) * 128 + SHADE * np.array(color))
            assert (abs(shaded[where].astype(float) - expected) <= 1).all()
        assert (shaded[~mask & ~truth] == image[~mask & ~truth]).all()
    assert result.captions[2] == f"Dice {dice(inside, truth):.2f}, IoU {iou(inside, truth):.2f}"
    assert result.captions[2] in result.finding
    result = outlines.pictures(answers(), subject(None))
    assert result.captions[1] == f"{100 * 16 / SIDE**2:.1f} % of the image"
    assert "red" not in result.finding
    empty = np.zeros((SIDE, SIDE), np.float32)
    views = {"map": ("logit", True), "outline": ("inside", False)}
    flat = {name: HeatMap(empty, unit, signed) for name, (unit, signed) in views.items()}
    nothing = outlines.pictures({OwnMap.title: flat}, subject(None))
    assert nothing.captions[1] == "nothing stands out"


def test_where_nothing_is_there_an_outline_is_extra_and_none_is_right():
    result, empty = answers(), np.zeros((SIDE, SIDE), np.float32)
    result["Flat"] = {"map": HeatMap(empty, "logit", signed=True)}
    drawn = outlines.pictures(result, subject(np.zeros((SIDE, SIDE), np.bool_)))
    share = f"{100 * 16 / SIDE**2:.1f} %"
    assert drawn.captions[1] == f"outlines {share} of the image though nothing is there"
    assert drawn.captions[3] == "rightly nothing outlined"
    assert drawn.finding.startswith("Nothing is there by the mask; blue is outlined.")
    image, own_picture, _, flat = drawn.images[0]
    expected = np.rint((1 - SHADE) * 128 + SHADE * np.array(EXTRA))
    outlined_pixels = own_picture[result[OwnMap.title]["map"].values > 0]
    assert (abs(outlined_pixels.astype(float) - expected) <= 1).all()
    assert (flat == image).all()


def standing_found():
    rows = [(0.6, 0.4, 1, 0.5), (0.0, 0.0, 0, 0.5), (0.3, 0.2, 1, 0.5), (0.9, 0.8, 1, 0.5)]
    others = image_table(rows, "abcd")
    here = image_table([(0.7, 0.1, 0, 0.5)], [THIS_IMAGE])
    return {OwnMap.title: {"others": others, "here": here}}


def test_the_line_of_a_map_rises_and_the_star_is_where_this_image_stands():
    result = standing_found()
    dice_row, iou_row = ([0.0, 0.3, 0.6, 0.9], 0.75, 0.7), ([0.0, 0.2, 0.4, 0.8], 0.25, 0.1)
    for measure, (line_, place, value) in ((DICE, dice_row), (IOU, iou_row)):
        table = outlines.ranked(result, measure)
        line = table.take([at for at, name in enumerate(table.rows) if name == OwnMap.title])
        np.testing.assert_allclose(line[measure], line_, rtol=1e-6)
        assert (np.diff(line[outlines.BELOW]) > 0).all()
        star = table.take([table.rows.index(THIS_IMAGE)])
        assert (star[outlines.BELOW][0], star[measure][0]) == (place, np.float32(value))
        figure = outlines.standing(result, measure).figure(table)
        assert [trace.name for trace in figure.data] == [OwnMap.title, THIS_IMAGE]
        words = outlines.standing_by(measure).finding(result)
        assert words.startswith(f"{OwnMap.title}: {measure} {value:.2f}: higher than on")
        assert f"on {round(4 * place)} of 4" in words
    (pointing,) = outlines.map_sentences(result, POINTS)
    inside = "points outside here, and inside on 3 of 4 other images (by chance on 2)."
    assert pointing == f"{OwnMap.title} {inside}"


RNG = np.random.default_rng(3)
TRUTH = np.zeros((16, 16), np.bool_)
TRUTH[4:10, 5:12] = True
VALUES = (RNG.normal(0, 0.4, TRUTH.shape) + 1.5 * TRUTH).astype(np.float32)
MAP = HeatMap(VALUES, "logit", signed=True)
OUTLINE = HeatMap(TRUTH.astype(np.float32), "inside", signed=False)
NOTHING = HeatMap(np.zeros(TRUTH.shape, np.float32), "inside", signed=False)


@pytest.mark.parametrize("groups", [2, 3])
def test_each_offset_is_that_of_an_outline_of_its_own_and_nothing_above_nothing_has_none(groups):
    table = offsets.curves({"own": offsets.CutMap(VALUES, groups)}, TRUTH)
    expected = [dice(outlined(VALUES, groups, offset).inside, TRUTH) for offset in offsets.OFFSETS]
    assert table["own"] == pytest.approx(expected)
    assert len(set(np.round(expected, 3))) > 3
    assert table[offsets.CUT].tolist() == offsets.OFFSETS.tolist()
    nothing = offsets.curves({"own": offsets.CutMap(-np.abs(VALUES))}, TRUTH)
    assert nothing["own"] == pytest.approx(np.full(len(offsets.OFFSETS), 1 / (TRUTH.sum() + 1)))


def test_maps_are_cut_as_in_the_picture_and_the_sentence_says_that_cut_and_the_best_one():
    maps = {"own": offsets.CutMap(VALUES, 2, 1.7)}
    table, cut_dice = offsets.curves(maps, TRUTH), dice(outlined(VALUES, 2, 1.7).inside, TRUTH)
    sentence = f"own: {cut_dice:.2f} as cut above, {table['own'].max():.2f} at best."
    assert offsets.best_offsets(table, maps, TRUTH) == sentence
    assert offsets.by_offset(maps, TRUTH).finding({}) == sentence
    own_map, cam = OwnMap(groups=4, offset=1.5), GradCam()
    methods = {own_map.title: own_map, cam.title: cam}
    answers = {own_map.title: {"map": MAP, "outline": OUTLINE}, cam.title: {"map": MAP}}
    result = offsets.cut_maps(answers, methods)
    assert (result[own_map.title].groups, result[own_map.title].offset) == (4, 1.5)
    assert (result[cam.title].groups, result[cam.title].offset) == (3, 0.5)
    refused = answers | {own_map.title: {"map": MAP, "outline": NOTHING}}
    assert list(offsets.cut_maps(refused, methods)) == [cam.title]
    stored = {"map": HeatMap(np.abs(VALUES), "kept", signed=False), "outline": OUTLINE}
    stored = {own_map.title: stored}  # a mask of shares is cut at one half
    assert not offsets.cut_maps(stored, methods)


PEAKS = Table.of(
    {
        "left": (np.array([0.125, 0.125, 0.875]), "share"),
        "top": (np.array([0.375, 0.375, 0.625]), "share"),
        "part": (np.array([1.5, -0.25, 2.0]), "logit"),
    }
)


def test_pixels_are_counted_once_and_parts_added_up_in_the_finding_apart():
    sentence = peaks_text(PEAKS, None)
    assert "3 features, from 2 pixels" in sentence
    assert "Together they add +3.2 logits" in sentence
    assert "finding" not in sentence
    truth = np.zeros((4, 4), np.bool_)
    truth[1, 0] = True
    assert peaks_text(PEAKS, truth).endswith("2 lie in the finding and add +1.2.")
    assert "finding" not in peaks_text(PEAKS, np.zeros((4, 4), np.bool_))


def heat(down, right):
    values = np.zeros((20, 40), np.float32)
    values[down, right] = 1
    values[0, 0] = np.nan
    return HeatMap(values, "logit", signed=False)


def test_the_rectangle_begins_around_the_strongest_place():
    box = box_around_peak(heat(10, 20))
    assert box.left + BOX_SIDE / 2 == pytest.approx(20.5 / 40, abs=1e-3)
    assert box.top + BOX_SIDE / 2 == pytest.approx(10.5 / 20, abs=1e-3)


@pytest.mark.parametrize(("down", "right"), [(1, 1), (19, 39), (0, 39)])
def test_at_the_border_it_stays_inside_the_image_and_holds_the_place(down, right):
    box = box_around_peak(heat(down, right))
    assert box.left <= (right + 0.5) / 40 <= box.left + box.width
    assert box.top <= (down + 0.5) / 20 <= box.top + box.height


def scores(*values):
    return Scores(np.array(values, np.float32), ("cat", "dog"), "probability")


def test_it_says_what_became_of_the_first_answer_and_what_stands_in_its_place():
    assert sentence(scores(0.7, 0.3), scores(0.6, 0.4)) == "cat: 70 % → 60 %."
    assert sentence(scores(0.7, 0.3), scores(0.2, 0.8)) == "cat: 70 % → 20 %. It now says dog."
