"""What each map outlines: colored by the truth where it is known, in white where it is not."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch

from components.heatmaps import outlines
from engine.attribution.heatmaps.own_map import OwnMap
from engine.attribution.trust.among import DICE, IOU, POINTS, THIS_IMAGE, image_table
from engine.measures.outlines import dice, iou, outlined
from engine.pictures.drawn import AGREED, EXTRA, MISSED, SHADE
from engine.result import HeatMap

SIDE = 12


def subject(mask):
    case = SimpleNamespace(image=torch.full((3, SIDE, SIDE), 0.5))
    return SimpleNamespace(case=case, mask=mask)


def answers():
    own_values, other = np.zeros((2, SIDE, SIDE), np.float32)
    own_values[2:6, 2:6], other[3:9, 3:9] = 3.0, 1.0
    outline = HeatMap((own_values > 0).astype(np.float32), "inside", signed=False)
    return {
        OwnMap.title: {"map": HeatMap(own_values, "logit", signed=True), "outline": outline},
        "Grad-CAM": {"map": HeatMap(other, "logit per cell", signed=False)},
    }


def test_agreed_missed_and_extra_pixels_have_their_colors_and_dice_stands_below():
    truth = np.zeros((SIDE, SIDE), np.bool_)
    truth[2:8, 2:8] = True
    result = outlines.pictures(answers(), subject(truth))
    assert result.columns == ("image", OwnMap.title, "Grad-CAM")
    image, own_picture, cam = result.images[0]
    inside = outlined(answers()["Grad-CAM"]["map"].values).inside
    for shaded, mask in (
        (own_picture, answers()[OwnMap.title]["outline"].values > 0),
        (cam, inside),
    ):
        for where, color in (
            (mask & truth, AGREED),
            (truth & ~mask, MISSED),
            (mask & ~truth, EXTRA),
        ):
            expected = np.rint((1 - SHADE) * 128 + SHADE * np.array(color))
            assert (abs(shaded[where].astype(float) - expected) <= 1).all()
        assert (shaded[~mask & ~truth] == image[~mask & ~truth]).all()
    assert result.captions[2] == f"Dice {dice(inside, truth):.2f}, IoU {iou(inside, truth):.2f}"
    assert result.captions[2] in result.finding


def test_without_a_truth_the_outline_is_white_and_its_share_is_said():
    result = outlines.pictures(answers(), subject(None))
    assert result.captions[1] == f"{100 * 16 / SIDE**2:.1f} % of the image"
    assert "red" not in result.finding


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
    assert (
        abs(own_picture[result[OwnMap.title]["map"].values > 0].astype(float) - expected) <= 1
    ).all()
    assert (flat == image).all()


def test_a_map_in_which_nothing_stands_out_says_so():
    empty = np.zeros((SIDE, SIDE), np.float32)
    flat = {
        "map": HeatMap(empty, "logit", signed=True),
        "outline": HeatMap(empty, "inside", signed=False),
    }
    result = outlines.pictures({OwnMap.title: flat}, subject(None))
    assert result.captions[1] == "nothing stands out"


def standing_found():
    rows = [(0.6, 0.4, 1, 0.5), (0.0, 0.0, 0, 0.5), (0.3, 0.2, 1, 0.5), (0.9, 0.8, 1, 0.5)]
    others = image_table(rows, "abcd")
    return {
        OwnMap.title: {"others": others, "here": image_table([(0.7, 0.1, 0, 0.5)], [THIS_IMAGE])}
    }


def test_the_line_of_a_map_rises_and_the_star_is_where_this_image_stands():
    result = standing_found()
    for measure, line_, place, value in (
        (DICE, [0.0, 0.3, 0.6, 0.9], 0.75, 0.7),
        (IOU, [0.0, 0.2, 0.4, 0.8], 0.25, 0.1),
    ):
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


def test_of_pointing_each_map_has_a_sentence():
    assert outlines.map_sentences(standing_found(), POINTS) == [
        f"{OwnMap.title} points outside here, and inside on 3 of 4 other images (by chance on 2)."
    ]
