"""Reprogram LT as a visitor meets it: a run ends in claims, curves, diagrams and bound classes."""

from __future__ import annotations

import json
import re

import pytest

from components.views import SPARSITY_EXPERIMENTS
from engine import data as data_sets
from engine.experiment import ExperimentCase
from engine.run import answer
from engine.sparsity import Reprogram
from engine.sparsity.experiments import reprogram
from engine.sparsity.experiments.reprogram_claims import DENSE, LP, LP_FEW, TICKETS, VP, VP_ERROR
from engine.training import Recipe
from tests import tiny
from tests.visits import problems, run_experiment, visit, words

KEY = "sparsity.Reprogram"


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few small images, and sources that learn for one epoch."""
    monkeypatch.setattr(Reprogram, "data", ("columns", "many", "digits"))
    monkeypatch.setattr(reprogram, "RECIPE", Recipe("lenet", epochs=1, width=0.5))
    data_sets.add(tiny.columns(8, ("a", "b", "c")))


def opened(**link):
    chosen = {"sparsity.chosen": Reprogram.title}
    return visit(chosen | {f"{KEY}.{k}": v for k, v in link.items()}, SPARSITY_EXPERIMENTS)


def test_a_run_ends_in_claims_curves_diagrams_borders_and_bound_classes():
    at = opened(epochs="1", seeds="1")
    at = run_experiment(at)
    result = answer(Reprogram(epochs=1, seeds=1), ExperimentCase(data_sets.load("columns")))
    assert result.kept
    text = words(at)
    for claim in result["claims"].rows:
        assert f"{claim}**: undecided here." in text  # one seed
    assert len(at.main.get("plotly_chart")) == 5  # figures, weights kept, two diagrams, classes
    table = result["table"]
    drawn = [
        trace["name"] for trace in json.loads(at.main.get("plotly_chart")[0].proto.spec)["data"]
    ]
    assert set(Reprogram.charted) <= set(drawn)
    assert LP_FEW not in drawn
    for name in (VP, LP):
        ends = " and ".join(f"{100 * table.cell(row, name):.1f}" for row in (DENSE, TICKETS[-1]))
        assert f"{name} {ends} %" in text
    for name, bound in zip(result["bound"].rows, result["bound"].notes, strict=True):
        assert not bound or f"{bound} → {name}" in text
    assert result["prompts"].finding in text
    assert f"{TICKETS[-1]} {100 * table.cell(TICKETS[-1], VP_ERROR):.1f}" in text
    assert not re.search(r"\bnan\b", text)  # no validation images to fit a temperature on


def test_more_classes_than_the_source_has_are_refused_in_a_sentence():
    many = tiny.columns(40, tuple(f"class {index}" for index in range(20)))
    object.__setattr__(many, "name", "many")
    data_sets.add(many)
    text = " ".join(problems(opened(data="many")))
    assert "has 20 classes, and the source network only 19 to bind them to" in text
