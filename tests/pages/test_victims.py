"""The experiments with victims as a visitor meets them: opened, and run to a curve."""

from __future__ import annotations

import pytest

from components.experiments.claims import mixtures
from components.views import UNLEARNING_EXPERIMENTS
from engine import data as data_sets
from engine.experiment import ExperimentCase
from engine.run import answer
from engine.unlearning import (
    ProtectedShare,
    ProtectionDefenses,
    ProtectionVictims,
    RelabeledVictims,
)
from tests import tiny
from tests.visits import problems, settled, visit, words

KINDS = (ProtectionVictims, ProtectionDefenses, ProtectedShare, RelabeledVictims)
QUICK = {"epochs": 1, "seeds": 1, "victim": "MLP", "way": "CUDA"}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few small images, so that a run takes seconds."""
    for kind in KINDS:
        monkeypatch.setattr(kind, "data", ("columns", "digits"))
    data_sets.add(tiny.columns(8, ("a", "b", "c")))


def opened(kind, **link):
    settings = {f"experiments.{kind.name}.{name}": str(value) for name, value in link.items()}
    return visit({"experiments.chosen": kind.title, **settings}, UNLEARNING_EXPERIMENTS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_opens_with_question_picture_and_what_a_run_does(kind):
    at = opened(kind)
    assert not problems(at)
    text = words(at)
    case = ExperimentCase(data_sets.load("columns"))
    assert kind.question in text
    assert kind().picture(case).finding in text
    for condition in kind().conditions(case):
        assert condition in text


def test_a_run_ends_in_a_curve_over_the_share_that_is_protected():
    at = opened(ProtectedShare, **QUICK)
    next(
        button for button in at.button if button.label.startswith("Run the experiment")
    ).click().run()
    at = settled(at)
    assert not problems(at)
    result = answer(ProtectedShare(**QUICK), ExperimentCase(tiny.columns(8, ("a", "b", "c"))))
    assert result.kept
    assert mixtures(result["shares"]) in words(at)
    assert len(at.main.get("plotly_chart")) == 2  # figures, curve
