"""The audit of a refusal as a visitor meets it: run to figures, and one question with a dial."""

from __future__ import annotations

import numpy as np

from components.experiments import refusal
from components.views import HALLUCINATION_EXPERIMENTS
from engine import data as data_sets
from engine.experiment import ExperimentCase
from engine.hallucination.experiments import RefusalAudit, refusal_views
from engine.hallucination.experiments.one_question import DeclinedQuestion
from engine.hallucination.experiments.refusal_claims import FIRST, OUTPUT
from engine.hallucination.experiments.refusal_views import ANSWERED, DECLINED, WAY
from engine.hallucination.refusal import defenses
from engine.hallucination.refusal.examined import CAUSES
from engine.result import Table
from engine.run import kept_answer
from tests.visits import settled, visit, words

KEY = "hallucination.RefusalAudit"
FEW = {"seeds": 1, "asked": 4, "rounds": 1, "width": 8}
LINK = {"hallucination.chosen": RefusalAudit.title} | {
    f"{KEY}.{name}": str(setting) for name, setting in FEW.items()
}
QUESTION_KEY = f"{KEY}.one.DeclinedQuestion"


def test_it_opens_with_its_picture_and_is_run_to_layers_and_one_question(monkeypatch):
    monkeypatch.setattr(defenses, "REROUTED", 4)
    monkeypatch.setattr(defenses, "STEPS", 2)
    monkeypatch.setattr(refusal_views, "FREE_STEPS", 2)
    at = settled(visit(LINK, HALLUCINATION_EXPERIMENTS))
    assert "Declined questions (up, orange)" in words(at)
    at = settled(at.button(key=f"{KEY}.go").click().run())
    assert not at.exception
    case = ExperimentCase(data_sets.load(RefusalAudit.data[0]))
    method = RefusalAudit(**FEW)
    result = kept_answer(method, case)
    assert at.header[0].value == method.finding(case, result)
    text = words(at)
    assert refusal.probe_words(result[refusal.LAYERS]) in words(at)
    for describe in (refusal.part_words, refusal.free_words):
        assert describe(result) in text
    at = settled(at.slider(key=f"{QUESTION_KEY}.dial").set_value(0.0).run())
    assert not at.exception
    question = DeclinedQuestion().asked(case)
    assert any(question.text in header.value for header in at.header)


def test_sentences_below_charts_have_their_figures():
    layers = Table.of(
        {
            "layer": (np.arange(3), ""),
            "probe right": ([0.5, 0.7, 1.0], "share"),
            **{name: ([np.nan, 0.9, 0.1], "share") for name in CAUSES},
        }
    )
    assert refusal.probe_words(layers) == (
        "Probe: 50 % right at the embedding, 70 % after layer 1, 100 % after the last one."
    )
    parts = Table.of({"head 1": ([1.0, 6.0], ""), "MLP": ([2.0, 1.0], "")}, ["layer 1", "layer 2"])
    assert refusal.part_words({refusal.PARTS: parts}).startswith(
        "head 1 of layer 2 writes most: 60 %"
    )
    path = Table.of(
        {"along": ([3.0, -3.0, 2.0, -1.5], ""), "across": (np.zeros(4), "")},
        [DECLINED, ANSWERED, WAY, WAY],
        ["", "", "so ok", "red ok"],
    )
    assert refusal.path_words({refusal.PATH: path}) == (
        "From +2.0 with the note “so ok” to −1.5 with “red ok”; 0 is halfway."
    )
    free = Table.of(
        {"ρ": ([0.0, 1.0], ""), FIRST: ([0.0, 0.25], "share"), OUTPUT: ([0.0, 0.5], "share")}
    )
    assert f"{FIRST} 25 %, {OUTPUT} 50 %" in refusal.free_words({refusal.FREE: free})
