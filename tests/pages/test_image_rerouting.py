"""Rerouting by an image as a visitor meets it: the picture first, then run to its figures."""

from __future__ import annotations

import numpy as np

from components.experiments import rerouting
from components.views import HALLUCINATION_EXPERIMENTS
from engine import data as data_sets
from engine.experiment import ExperimentCase, deviation_column
from engine.hallucination.experiments import ImageRerouting, image_rerouting, scene_questions
from engine.hallucination.experiments.image_rerouting_claims import (
    DETECTOR_AUROC,
    EPS50,
    FIRST,
    LEVELS,
    NOISE,
    OUTPUT,
    STEPS,
    UNSEEN,
    color_measure,
)
from engine.hallucination.experiments.perturb import Bound
from engine.keeping.memory import Memory
from engine.result import Table
from engine.run import kept_answer
from tests.visits import settled, visit, words

KEY = "hallucination.ImageRerouting"
FEW = {"seeds": 1, "asked": 4, "steps": 5}
LINK = {"hallucination.chosen": ImageRerouting.title, f"{KEY}.seed": "3"} | {
    f"{KEY}.{name}": str(setting) for name, setting in FEW.items()
}


def test_it_opens_with_its_picture_and_is_run_to_figures(monkeypatch):
    """Of few scenes and steps; what is examined of so few is not kept for other tests."""
    few = {"LEARNED": 30, "TRIED": 16, "MOVED": 16, "SHUFFLES": 2, "_EXAMINED": Memory(2)}
    for name, number in few.items():
        monkeypatch.setattr(scene_questions, name, number)
    monkeypatch.setattr(image_rerouting, "Bound", lambda epsilon, _, step: Bound(epsilon, 2, step))
    at = settled(visit(LINK, HALLUCINATION_EXPERIMENTS))
    assert "There is none, and it is meant to name a color all the same" in words(at)
    at = settled(at.button(key=f"{KEY}.go").click().run())
    assert not at.exception
    case, method = ExperimentCase(data_sets.load(ImageRerouting.data[0]), 3), ImageRerouting(**FEW)
    result = kept_answer(method, case)
    assert at.header[0].value == method.finding(case, result)
    text = words(at)
    for describe in (rerouting.way_words, rerouting.defense_words, rerouting.along_words):
        assert describe(result) in text


def test_a_sentence_leaves_out_what_is_not_measured_yet():
    columns = {
        STEPS: ([2.0, np.nan], "steps"),
        UNSEEN: ([np.nan] * 2, "share"),
        DETECTOR_AUROC: ([0.75, np.nan], ""),
    }
    some = {"table": Table.of(columns, (FIRST, OUTPUT))}
    assert rerouting.way_words(some).endswith(f"ε = 2/255: {FIRST} 2.0.")
    assert rerouting.defense_words(some).endswith(f"2/255. The detector's AUROC: {FIRST} 0.75.")
    none = {"table": some["table"].take(np.array([1]))}
    assert rerouting.way_words(none).endswith("are answered.")


def test_a_line_goes_over_every_size_of_change():
    columns = {color_measure(level): ([at / 5, 0.0], "share") for at, level in enumerate(LEVELS)}
    columns |= {deviation_column(name): ([0.1, 0.0], "share") for name in [*columns]}
    table = Table.of({**columns, EPS50: ([3.5, np.nan], "/255")}, (FIRST, NOISE))
    over = rerouting.answers_by_epsilon({"table": table}, (FIRST, NOISE))
    assert over["ε"].tolist() == list(LEVELS)
    assert over[f"{FIRST}, ε50 = 3.5"].tolist() == [at / 5 for at in range(len(LEVELS))]
    assert f"{NOISE}, no ε50" in over.order
