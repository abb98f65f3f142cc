"""A criterion that searches for the mask of one cut is asked about that cut, and no other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from engine.method import Slider, Switch, quiet, setting
from engine.result import WeightScores
from engine.sparsity import CRITERIA, MaskRules, pruner_of
from engine.sparsity.criteria.jackpot import Jackpot
from engine.sparsity.criteria.magnitude import Magnitude
from engine.sparsity.masks.pruning import BY_TITLE, criterion_of, searched_settings
from engine.sparsity.method import SparsityMethod
from engine.weights.parts import prunable_parts
from tests import tiny


@dataclass(frozen=True)
class Sought(SparsityMethod):
    """Scores that are higher toward the end above a ratio of one half, and toward the start below.

    It stands for a search, which finds other weights at another ratio.
    """

    name, title, cost, proof = "Sought", "Sought", "live", ""
    ratio: float = setting(0.9, Slider(0.0, 0.99, 0.01), "Ratio", "Of the cut.")
    head: bool = setting(False, Switch(), "Head", "Of the cut.")
    other: int = setting(3, Slider(1, 5, 1), "Other", "No setting of a cut.")

    def __call__(self, case, progress=quiet):
        sign = 1 if self.ratio > 0.5 else -1
        results = {
            part.name: sign * np.arange(part.size, dtype=np.float32).reshape(part.shape)
            for part in prunable_parts(case.model)
        }
        return {"scores": WeightScores(results, "place", "mean")}


@pytest.fixture
def sought(monkeypatch, tmp_path):
    monkeypatch.setenv("BLINDSPOT_HOME", str(tmp_path))
    monkeypatch.setitem(BY_TITLE, "Sought", Sought)


@pytest.mark.usefixtures("sought")
def test_a_search_gets_the_values_of_the_cut_and_keeps_its_other_settings():
    assert searched_settings(Sought) == {"ratio", "head"}
    assert criterion_of("Sought", MaskRules(head=True), 0.3) == Sought(0.3, True, 3)
    assert criterion_of("Sought", MaskRules()) == Sought()


@pytest.mark.usefixtures("sought")
@pytest.mark.parametrize(("ratio", "first"), [(0.4, True), (0.6, False)])
def test_masks_come_from_the_search_at_their_own_ratio(ratio, first):
    rules = MaskRules("per layer", head=True)
    masks = pruner_of(tiny.prune_case(), "Sought", rules, ratio=ratio).at(ratio)
    for part in masks.parts:
        row, kept_count = masks.array(part.name).ravel(), part.size - round(ratio * part.size)
        assert (row[:kept_count] if first else row[-kept_count:]).all()
        assert np.count_nonzero(row) == kept_count


def test_criteria_that_do_not_search_score_for_every_cut_at_once():
    plain = [kind for kind in CRITERIA if not searched_settings(kind)]
    assert Magnitude in plain
    for kind in plain:
        assert criterion_of(kind.title, MaskRules(head=True), 0.3) == kind()


def test_a_jackpot_is_searched_for_the_ratio_the_layers_and_the_head_of_the_cut():
    criterion = criterion_of(Jackpot.title, MaskRules("ERK", head=True), 0.9)
    assert criterion == Jackpot(ratio=0.9, allocation="ERK", head=True)
