"""Dice over the place where maps are cut, against outlines made one by one."""

from __future__ import annotations

import numpy as np
import pytest

from components.heatmaps.offsets import (
    CUT,
    OFFSETS,
    CutMap,
    best_offsets,
    by_offset,
    curves,
    cut_maps,
)
from engine.attribution.heatmaps.grad_cam import GradCam
from engine.attribution.heatmaps.own_map import OwnMap
from engine.measures.outlines import dice, outlined
from engine.result import HeatMap

RNG = np.random.default_rng(3)
TRUTH = np.zeros((16, 16), np.bool_)
TRUTH[4:10, 5:12] = True
VALUES = (RNG.normal(0, 0.4, TRUTH.shape) + 1.5 * TRUTH).astype(np.float32)
MAP = HeatMap(VALUES, "logit", signed=True)
OUTLINE = HeatMap(TRUTH.astype(np.float32), "inside", signed=False)
NOTHING = HeatMap(np.zeros(TRUTH.shape, np.float32), "inside", signed=False)


@pytest.mark.parametrize("groups", [2, 3])
def test_each_offset_is_that_of_an_outline_of_its_own(groups):
    table = curves({"own": CutMap(VALUES, groups)}, TRUTH)
    expected = [dice(outlined(VALUES, groups, offset).inside, TRUTH) for offset in OFFSETS]
    assert table["own"] == pytest.approx(expected)
    assert len(set(np.round(expected, 3))) > 3
    assert table[CUT].tolist() == OFFSETS.tolist()


def test_a_map_without_anything_above_nothing_has_no_outline_at_any_offset():
    table = curves({"own": CutMap(-np.abs(VALUES))}, TRUTH)
    assert table["own"] == pytest.approx(np.full(len(OFFSETS), 1 / (TRUTH.sum() + 1)))


def test_the_sentence_says_the_cut_of_the_picture_and_the_best_one():
    maps = {"own": CutMap(VALUES, 2, 1.7)}
    table, cut_dice = curves(maps, TRUTH), dice(outlined(VALUES, 2, 1.7).inside, TRUTH)
    sentence = f"own: {cut_dice:.2f} as cut above, {table['own'].max():.2f} at best."
    assert best_offsets(table, maps, TRUTH) == sentence
    assert by_offset(maps, TRUTH).finding({}) == sentence


def test_maps_are_cut_as_in_the_picture_and_those_without_an_outline_are_left_out():
    own_map, cam = OwnMap(groups=4, offset=1.5), GradCam()
    methods = {own_map.title: own_map, cam.title: cam}
    answers = {own_map.title: {"map": MAP, "outline": OUTLINE}, cam.title: {"map": MAP}}
    result = cut_maps(answers, methods)
    assert (result[own_map.title].groups, result[own_map.title].offset) == (4, 1.5)
    assert (result[cam.title].groups, result[cam.title].offset) == (3, 0.5)
    refused = answers | {own_map.title: {"map": MAP, "outline": NOTHING}}
    assert list(cut_maps(refused, methods)) == [cam.title]
    stored = {"map": HeatMap(np.abs(VALUES), "kept", signed=False), "outline": OUTLINE}
    assert not cut_maps({own_map.title: stored}, methods)  # a mask of shares is cut at one half
