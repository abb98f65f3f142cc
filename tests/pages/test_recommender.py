"""Fake users in a recommender as a visitor meets them: before a run, and what it ends in."""

from __future__ import annotations

import numpy as np

from components.experiments.recommender import quarters
from components.views import UNLEARNING_EXPERIMENTS
from engine import data as data_sets
from engine.experiment import ExperimentCase
from engine.result import Table
from engine.run import answer
from engine.unlearning import VatExperiment
from engine.unlearning.experiments.vat import CLAIMS, NOT_SWAYED, SWAYED
from tests.visits import problems, settled, visit, words

KEY = "experiments.VAT"
NAME = "interactions:count=80,items=200"
LINK = {
    "experiments.chosen": VatExperiment.title,
    f"{KEY}.seeds": "2",
    f"{KEY}.epochs": "6",
    f"{KEY}.fakes": "5",
}


def test_it_says_that_it_is_a_simulation_before_and_after_a_run(monkeypatch):
    monkeypatch.setattr(VatExperiment, "data", (NAME,))
    at = visit(LINK, UNLEARNING_EXPERIMENTS)
    assert not problems(at)
    assert "A simulation. 80 users (rows) and 200 items" in words(at)
    assert "A simulation: recommenders learn what invented users chose" in words(at)
    method = VatExperiment(seeds=2, epochs=6, fakes=5.0)
    result = answer(method, ExperimentCase(data_sets.load(NAME)))
    at = settled(visit(LINK, UNLEARNING_EXPERIMENTS))
    assert not problems(at)
    text = words(at)
    assert quarters(result["users"]) in text
    assert all(claim.test in text for claim in CLAIMS)
    assert len(at.main.get("plotly_chart")) == 2  # users, and figures by condition


def test_quarters_are_of_users_by_their_loss():
    loss = np.array([0.4, 0.1, 0.2, 0.3, 0.8, 0.7, 0.6, 0.5])
    rows = [NOT_SWAYED] * 8
    rows[1], rows[4], rows[5] = SWAYED, SWAYED, SWAYED
    table = Table.of({"loss": (loss, ""), "weight": (loss, "")}, rows)
    assert "50 % of the quarter that is fitted best, 100 % of the quarter" in quarters(table)
