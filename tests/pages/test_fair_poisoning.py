"""Poisoning a fair representation as a visitor meets it: said to be a simulation, then a run."""

from __future__ import annotations

import numpy as np
import pytest

from components.experiments.poison import by_poison, risen, shifted_most
from components.views import UNLEARNING_EXPERIMENTS
from engine import data as data_sets
from engine.experiment import ExperimentCase
from engine.result import Scores
from engine.run import answer
from engine.unlearning import FairPoisoning
from engine.unlearning.experiments import fair_poisoning, gradient_matching
from engine.unlearning.experiments.poison_claims import AUC
from tests import tiny
from tests.visits import problems, run_experiment, visit, words

KEY = "experiments.ENG"
LINK = {"experiments.chosen": FairPoisoning.title, f"{KEY}.seeds": "1"}
LINK |= {f"{KEY}.steps": "10", f"{KEY}.rounds": "2"}


@pytest.fixture
def method(monkeypatch):
    """A short run on few images, where the page finds them."""
    monkeypatch.setattr(FairPoisoning, "data", ("squares",))
    monkeypatch.setattr(gradient_matching, "EPOCHS", 20)
    monkeypatch.setattr(fair_poisoning, "SHARES", (0.05,))
    data_sets.add(tiny.heights())
    return FairPoisoning(seeds=1, steps=10, rounds=2)


def test_a_simulation_is_announced_run_and_shown(method):
    at = visit(LINK, UNLEARNING_EXPERIMENTS)
    assert not problems(at)
    text = words(at)
    assert "A simulation on drawn rows." in text
    assert "No network is trained" not in text
    assert "tied 1" in text
    at = run_experiment(at)
    case = ExperimentCase(data_sets.load("squares"))
    result = answer(method, case)
    assert result.kept
    assert at.main.header[0].value == method.finding(case, result)
    text = words(at)
    for claim in result["claims"].rows:
        assert claim in text
    assert risen(result) in text
    assert shifted_most(result) in text
    assert "Mixed colors hide the group." in text
    assert len(at.main.get("plotly_chart")) == 3  # figures, by share, columns


def test_the_predicted_share_is_marked_where_there_is_one(method):
    results = dict(answer(method, ExperimentCase(data_sets.load("squares"))))
    cases = ((0.031, "from 3.1 % on", 3.1), (0.0, "at any share", 0), (np.nan, "No rise", None))
    for value, words_, now in cases:
        results["threshold"] = Scores(np.array([value]), ("predicted threshold",), "share")
        assert words_ in risen(results)
        assert by_poison(results).now == (now if now is None else pytest.approx(now))
    del results["threshold"]
    assert "redicted" not in risen(results)
    assert f"{100 * results['curve'][AUC][0]:.0f} % at 0 %" in risen(results)
