"""The experiments of Hallucination as a visitor meets them: the audit, and one scene under it."""

from __future__ import annotations

import numpy as np

from components.experiments import perturbation
from components.views import HALLUCINATION_EXPERIMENTS
from engine import data as data_sets
from engine.experiment import ExperimentCase, deviation_column
from engine.hallucination import PerturbedAnswer
from engine.hallucination.experiments import VisualAudit, audit
from engine.hallucination.experiments.audit_claims import EPS50, LEVELS, NOISE, PLAIN, success
from engine.hallucination.experiments.perturb import Bound
from engine.result import Table
from engine.run import kept_answer
from tests.visits import settled, visit, words

KEY = "hallucination.VisualAudit"
FEW = {"seeds": 1, "images": 2, "targets": 1, "steps": 10}
LINK = {f"{KEY}.{name}": str(setting) for name, setting in FEW.items()} | {f"{KEY}.seed": "3"}
SCENE_KEY = f"{KEY}.one.PerturbedAnswer"


def test_it_opens_with_its_picture_and_is_run_to_curves_and_one_scene(monkeypatch):
    monkeypatch.setattr(audit, "Bound", lambda epsilon, _, step: Bound(epsilon, 2, step))
    at = settled(visit(LINK, HALLUCINATION_EXPERIMENTS))
    assert "imulation" in words(at)
    at = settled(at.button(key=f"{KEY}.go").click().run())
    assert not at.exception
    case = ExperimentCase(data_sets.load(VisualAudit.data[0]), 3)
    method = VisualAudit(**FEW)
    result = kept_answer(method, case)
    assert at.header[0].value == method.finding(case, result)
    text = words(at)
    for describe in (
        perturbation.defended_words,
        perturbation.other_words,
        perturbation.nats_words,
        perturbation.named_words,
    ):
        assert describe(result) in text
    headers = [header.value for header in at.header if header.value.startswith("Moving each value")]
    assert len(headers) == 2  # of the audit, and of one scene
    at = settled(at.slider(key=f"{SCENE_KEY}.epsilon").set_value(0).run())
    assert any(header.value.startswith("Nothing is changed") for header in at.header)
    assert PerturbedAnswer.cost == "wait"


def audited():
    """Success of two conditions at every ε."""
    columns = {success(level): ([at / 5, 0.0], "share") for at, level in enumerate(LEVELS)}
    columns |= {deviation_column(name): ([0.1, 0.0], "share") for name in [*columns]}
    columns[EPS50] = ([5.0, np.nan], "/255")
    return {"table": Table.of(columns, [PLAIN, NOISE])}


def test_success_is_drawn_over_the_size_with_its_half_point_in_the_name():
    table = perturbation.over_epsilon(audited(), (PLAIN, "not there", NOISE))
    assert table.order == (
        "ε",
        f"{PLAIN}, ε50 = 5.0",
        deviation_column(f"{PLAIN}, ε50 = 5.0"),
        f"{NOISE}, no ε50",
        deviation_column(f"{NOISE}, no ε50"),
    )
    assert table[f"{PLAIN}, ε50 = 5.0"].tolist() == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert perturbation.defended_words(audited()).startswith(
        f"At ε = 8/255: {PLAIN} 80 %, {NOISE} 0 %."
    )
