"""The experiments of Hallucination as a visitor meets them: both audits, and rerouting."""

import numpy as np

from components.views import HALLUCINATION_EXPERIMENTS
from engine.core.keeping.memory import Memory
from engine.core.result import Table
from engine.core.run import kept_answer
from engine.evaluation.experiment import ExperimentCase, deviation_column
from engine.hallucination import PerturbedAnswer
from engine.hallucination.ssr_audit import (
    defenses,
    image_rerouting,
    image_rerouting_drawings,
    refusal_claims,
    refusal_drawings,
    scene_questions,
)
from engine.hallucination.ssr_audit import image_rerouting_claims as rerouting_claims
from engine.hallucination.ssr_audit.examined import CAUSES
from engine.hallucination.ssr_audit.image_rerouting import ImageRerouting
from engine.hallucination.ssr_audit.one_question import DeclinedQuestion
from engine.hallucination.ssr_audit.refusal import RefusalAudit
from engine.hallucination.ssr_audit.refusal_views import ANSWERED, DECLINED, WAY
from engine.hallucination.vlm_audit import drawings as audit_drawings
from engine.hallucination.vlm_audit import experiment as audit
from engine.hallucination.vlm_audit.claims import EPS50, LEVELS, NOISE, PLAIN, success
from engine.hallucination.vlm_audit.experiment import VisualAudit
from engine.hallucination.vlm_audit.perturb import Bound
from engine.vision import data as data_sets
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
    case = ExperimentCase(data_sets.load(VisualAudit.data[0]), 3)
    method = VisualAudit(**FEW)
    result = kept_answer(method, case)
    assert at.header[0].value == method.finding(case, result)
    text = words(at)
    for name in ("defended", "other", "nats", "named"):
        assert getattr(audit_drawings, f"{name}_words")(result) in text
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
    table = audit_drawings.over_epsilon(audited(), (PLAIN, "not there", NOISE))
    plain, noise = f"{PLAIN}, ε50 = 5.0", f"{NOISE}, no ε50"
    assert table.order == ("ε", plain, deviation_column(plain), noise, deviation_column(noise))
    assert table[plain].tolist() == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    sentence = audit_drawings.defended_words(audited())
    assert sentence.startswith(f"At ε = 8/255: {PLAIN} 80 %, {NOISE} 0 %.")


REFUSAL = "hallucination.RefusalAudit"
REFUSAL_FEW = {"seeds": 1, "asked": 4, "rounds": 1, "width": 8}
REFUSAL_LINK = {"hallucination.chosen": RefusalAudit.title} | {
    f"{REFUSAL}.{name}": str(setting) for name, setting in REFUSAL_FEW.items()
}
REFUSED_QUESTION = f"{REFUSAL}.one.DeclinedQuestion"


def test_the_audit_of_a_refusal_is_run_to_layers_and_one_question(monkeypatch):
    monkeypatch.setattr(defenses, "REROUTED", 4)
    monkeypatch.setattr(defenses, "STEPS", 2)
    monkeypatch.setattr(RefusalAudit, "free_steps", 2)
    at = settled(visit(REFUSAL_LINK, HALLUCINATION_EXPERIMENTS))
    assert "Declined questions (up, orange)" in words(at)
    at = settled(at.button(key=f"{REFUSAL}.go").click().run())
    case = ExperimentCase(data_sets.load(RefusalAudit.data[0]))
    method = RefusalAudit(**REFUSAL_FEW)
    result = kept_answer(method, case)
    assert at.header[0].value == method.finding(case, result)
    text = words(at)
    assert refusal_drawings.probe_words(result[refusal_drawings.LAYERS]) in words(at)
    assert refusal_drawings.part_words(result) in text
    assert refusal_drawings.free_words(result) in text
    at = settled(at.slider(key=f"{REFUSED_QUESTION}.dial").set_value(0.0).run())
    question = DeclinedQuestion().asked(case)
    assert any(question.text in header.value for header in at.header)


def test_sentences_below_the_charts_of_a_refusal_have_their_figures(snapshot):
    causes = {name: ([np.nan, 0.9, 0.1], "share") for name in CAUSES}
    columns = {"layer": (np.arange(3), ""), "probe right": ([0.5, 0.7, 1.0], "share"), **causes}
    layers = Table.of(columns)
    parts = Table.of({"head 1": ([1.0, 6.0], ""), "MLP": ([2.0, 1.0], "")}, ["layer 1", "layer 2"])
    columns = {"along": ([3.0, -3.0, 2.0, -1.5], ""), "across": (np.zeros(4), "")}
    path = Table.of(columns, [DECLINED, ANSWERED, WAY, WAY], ["", "", "so ok", "red ok"])
    free = {
        "ρ": ([0.0, 1.0], ""),
        refusal_claims.FIRST: ([0.0, 0.25], "share"),
        refusal_claims.OUTPUT: ([0.0, 0.5], "share"),
    }
    assert [
        refusal_drawings.probe_words(layers),
        refusal_drawings.part_words({refusal_drawings.PARTS: parts}),
        refusal_drawings.path_words({refusal_drawings.PATH: path}),
        refusal_drawings.free_words({refusal_drawings.FREE: Table.of(free)}),
    ] == snapshot


REROUTING = "hallucination.ImageRerouting"
REROUTING_FEW = {"seeds": 1, "asked": 4, "steps": 5}
REROUTING_LINK = {"hallucination.chosen": ImageRerouting.title, f"{REROUTING}.seed": "3"} | {
    f"{REROUTING}.{name}": str(setting) for name, setting in REROUTING_FEW.items()
}


def test_rerouting_by_an_image_is_run_to_figures(monkeypatch):
    """Of few scenes and steps; what is examined of so few is not kept for other tests."""
    few = {"LEARNED": 30, "TRIED": 16, "MOVED": 16, "SHUFFLES": 2, "_EXAMINED": Memory(2)}
    for name, number in few.items():
        monkeypatch.setattr(scene_questions, name, number)
    monkeypatch.setattr(image_rerouting, "Bound", lambda epsilon, _, step: Bound(epsilon, 2, step))
    at = settled(visit(REROUTING_LINK, HALLUCINATION_EXPERIMENTS))
    assert "There is none, and it is meant to name a color all the same" in words(at)
    at = settled(at.button(key=f"{REROUTING}.go").click().run())
    case = ExperimentCase(data_sets.load(ImageRerouting.data[0]), 3)
    method = ImageRerouting(**REROUTING_FEW)
    result = kept_answer(method, case)
    assert at.header[0].value == method.finding(case, result)
    text = words(at)
    assert image_rerouting_drawings.way_words(result) in text
    assert image_rerouting_drawings.defense_words(result) in text
    assert image_rerouting_drawings.along_words(result) in text


def test_a_sentence_leaves_out_what_is_not_measured_yet():
    columns = {
        rerouting_claims.STEPS: ([2.0, np.nan], "steps"),
        rerouting_claims.UNSEEN: ([np.nan] * 2, "share"),
        rerouting_claims.DETECTOR_AUROC: ([0.75, np.nan], ""),
    }
    some = {"table": Table.of(columns, (rerouting_claims.FIRST, rerouting_claims.OUTPUT))}
    assert image_rerouting_drawings.way_words(some).endswith(
        f"ε = 2/255: {rerouting_claims.FIRST} 2.0."
    )
    assert image_rerouting_drawings.defense_words(some).endswith(
        f"2/255. The detector's AUROC: {rerouting_claims.FIRST} 0.75."
    )
    none = {"table": some["table"].take(np.array([1]))}
    assert image_rerouting_drawings.way_words(none).endswith("are answered.")


def test_a_line_goes_over_every_size_of_change():
    columns = {
        rerouting_claims.color_measure(level): ([at / 5, 0.0], "share")
        for at, level in enumerate(rerouting_claims.LEVELS)
    }
    columns |= {deviation_column(name): ([0.1, 0.0], "share") for name in [*columns]}
    columns[rerouting_claims.EPS50] = [3.5, np.nan], "/255"
    rows = rerouting_claims.FIRST, rerouting_claims.NOISE
    table = Table.of(columns, rows)
    over = image_rerouting_drawings.answers_by_epsilon({"table": table}, rows)
    assert over["ε"].tolist() == list(rerouting_claims.LEVELS)
    line = over[f"{rerouting_claims.FIRST}, ε50 = 3.5"]
    assert line.tolist() == [at / 5 for at in range(len(rerouting_claims.LEVELS))]
    assert f"{rerouting_claims.NOISE}, no ε50" in over.order
