"""Experiments of Sparsity as a visitor meets them: the picture, a run, its claims, odd links."""

from __future__ import annotations

import pytest

from components.views import SPARSITY_EXPERIMENTS
from engine import data as data_sets
from engine.experiment import OUTCOMES, ExperimentCase
from engine.run import answer
from engine.sparsity import NMFlowExperiment
from tests import tiny
from tests.visits import said, settled, visit, words

KEY = "sparsity.NMFlow"


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few small images, so that a run takes seconds."""
    monkeypatch.setattr(NMFlowExperiment, "data", ("columns", "digits"))
    data_sets.add(tiny.columns(8, ("a", "b", "c")))


def opened(**link):
    chosen = {"sparsity.chosen": NMFlowExperiment.title}
    chosen |= {f"{KEY}.{name}": value for name, value in link.items()}
    return visit(chosen, SPARSITY_EXPERIMENTS)


def test_it_opens_with_question_picture_and_what_a_run_does():
    at = opened(network="ResNet-8")
    told = words(at)
    assert not said(at)
    method, case = NMFlowExperiment(network="ResNet-8"), ExperimentCase(data_sets.load("columns"))
    assert method.question in told
    for row in method.picture(case).rows:
        assert row in told
    for condition in method.conditions(case):
        assert condition in told
    assert "Dense stays conv: 16 does not divide its number of inputs." in told
    assert "1:16, β = 0.56" in told


def test_a_run_ends_in_the_claims_of_the_answer():
    at = opened(epochs="1", seeds="2", network="ResNet-8")
    next(one for one in at.button if one.label.startswith("Run the experiment")).click().run()
    at = settled(at)
    assert not said(at)
    method = NMFlowExperiment(epochs=1, seeds=2, network="ResNet-8")
    found = answer(method, ExperimentCase(data_sets.load("columns")))
    assert found.kept
    outcomes = found["claims"]["outcome"].tolist()
    assert len(outcomes) == len(NMFlowExperiment.claims)
    first = f"{found['claims'].rows[0]}: {OUTCOMES[outcomes[0]]} here. {outcomes.count(1)} of 3"
    assert at.main.header[0].value.startswith(first)
    told = words(at)
    for claim, outcome in zip(found["claims"].rows, outcomes, strict=True):
        assert f"{claim}**: {OUTCOMES[outcome]} here." in told
    assert len(at.main.get("plotly_chart")) == 1
    assert "engine.answer('sparsity.NMFlow'" in " ".join(one.value for one in at.code)


def test_a_pattern_that_fits_no_layer_is_said_in_a_sentence(monkeypatch):
    monkeypatch.setattr("engine.sparsity.experiments.nm_flow.NETWORKS", {"ResNet-8": "lenet"})
    told = " ".join(said(opened(network="ResNet-8", pattern="1:32")))
    assert "has inputs in groups of 32: choose a smaller M" in told


def test_links_that_cannot_be_had_are_ignored_with_a_notice():
    told = " ".join(said(opened(data="X-rays", pattern="3:5", epochs="1000")))
    assert "“X-rays” as Data" in told
    assert "“3:5” as Training with N of every M weights (N:M flow) ▸ Pattern" in told
    assert "Epochs; it is ignored, because it must be" in told
