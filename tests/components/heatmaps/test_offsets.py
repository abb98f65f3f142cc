"""Dice over the place where maps are cut, against outlines made one by one."""

from __future__ import annotations

import numpy as np
import pytest

from components.heatmaps.offsets import CUT, OFFSETS, best, by_offset, curves, scores_of
from engine.measures.outlines import dice, outlined
from engine.result import HeatMap

RNG = np.random.default_rng(3)
TRUTH = np.zeros((16, 16), np.bool_)
TRUTH[4:10, 5:12] = True
VALUES = (RNG.normal(0, 0.4, TRUTH.shape) + 1.5 * TRUTH).astype(np.float32)
MAP = HeatMap(VALUES, "logit", signed=True)


def test_each_offset_is_that_of_an_outline_of_its_own():
    table = curves({"own": MAP}, TRUTH)
    wanted = [dice(outlined(VALUES, offset=one).inside, TRUTH) for one in OFFSETS]
    assert table["own"] == pytest.approx(wanted)
    assert len(set(np.round(wanted, 3))) > 3
    assert table[CUT].tolist() == OFFSETS.tolist()


def test_a_map_without_anything_above_nothing_has_no_outline_at_any_offset():
    table = curves({"own": HeatMap(-np.abs(VALUES), "logit", signed=True)}, TRUTH)
    assert table["own"] == pytest.approx(np.full(len(OFFSETS), 1 / (TRUTH.sum() + 1)))


def test_the_sentence_says_the_cut_above_and_the_best_one():
    table = curves({"own": MAP}, TRUTH)
    here = dice(outlined(VALUES).inside, TRUTH)
    assert best(table) == f"own: {here:.2f} as cut above, {table['own'].max():.2f} at best."
    assert by_offset({"own": MAP}, TRUTH).finding({}) == best(table)


def test_a_mask_of_shares_is_not_cut_by_the_rule():
    kept = {"map": HeatMap(np.abs(VALUES), "kept", signed=False),
            "outline": HeatMap(TRUTH.astype(np.float32), "inside", signed=False)}  # fmt: skip
    assert scores_of({"COMET": kept, "own": {"map": MAP}}) == {"own": MAP}
