"""Inside as a visitor meets it: the sentence, each thing with its risk, and the probe below."""

from types import SimpleNamespace

import numpy as np
import pytest

from components.inside import probe, view
from components.views import INSIDE
from engine.core.result import Table
from engine.core.run import answer
from engine.hallucination import Greedy, HalluRAG, ScenesCase, WordRisk, asking
from engine.hallucination.hallurag.probe import LINEAR
from engine.vision.language.tiny_vlm.weights import HABIT, load
from tests.visits import settled, visit, words

METHOD = WordRisk(scenes=80)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(view, "METHOD", METHOD)


def story_case():
    return asking.about_scene(HABIT, asking.scene("counter", view.STORY), "describe the image")


def test_the_sentence_the_words_and_the_probe_are_those_of_the_answers():
    at = settled(visit(view=INSIDE))
    scene_case = story_case()
    result = answer(METHOD, scene_case)
    learned = answer(HalluRAG(), ScenesCase(load(HABIT), Greedy(), METHOD.scenes))
    assert at.header[0].value == METHOD.finding(scene_case, result)
    text = words(at)
    assert f"{learned['compared'].cell(LINEAR, 'AUROC'):.2f}" in text
    assert probe.compared_words(learned) in text
    assert view.lens_words(result) in text
    risks = learned["risks"]
    made_up = risks["made up"].astype(bool)
    count = int((made_up & (risks["risk"] >= 0.5)).sum())
    assert f"From 50 % on, {count} of {made_up.sum()} made-up things are found" in text
    at.slider(key=probe.THRESHOLD).set_value(95)
    fewer = int((made_up & (risks["risk"] >= 0.95)).sum())
    assert f"From 95 % on, {fewer} of {made_up.sum()} made-up" in words(settled(at.run()))


def test_bars_and_marks_say_what_is_true_of_each_thing():
    scene_case = story_case()
    result = answer(METHOD, scene_case)
    drawn = view.bars(scene_case, result)
    present = {scene_object.category for scene_object in scene_case.scene.things}
    names = [name for name in result["words"].notes if name]
    assert len(drawn.names) == len(names) == len(view.noun_table(result["words"]))
    for name, label in zip(names, drawn.names, strict=True):
        assert label.endswith("✓" if name in present else "✗")
    assert view.noted("the lamp is there", 0.5) == "the lamp is there; risk 50 %"
    assert view.noted("", float("nan")) == ""


def test_the_histogram_counts_each_word_once_and_empty_bins_are_left_out():
    columns = {"risk": ([0.0, 0.05, 0.15, 1.0], "share"), "made up": ([0.0, 0.0, 1.0, 1.0], "")}
    spread = probe.risk_histogram(Table.of(columns))
    assert spread["true"].tolist() == [1.0, *[0.0] * 9]
    assert spread["made up"][[1, 9]].tolist() == [0.5, 0.5]
    columns = {"risk": ([0.1, np.nan], "share"), "made up": ([0.3, np.nan], "share")}
    trust = Table.of(columns | {"words": ([10, 0], "words")})
    assert len(probe.nonempty_bins(trust)) == 1
    assert "differ by 20 points" in probe.trust_words({"trust": trust})


def test_a_model_of_one_s_own_is_told_why_its_states_are_not_read(monkeypatch):
    other = story_case()
    kept = {name: getattr(other.vlm, name) for name in ("spec", "tokenizer")}
    object.__setattr__(other, "vlm", SimpleNamespace(name="own", title="Own", **kept))
    monkeypatch.setattr("components.dialog.question.question_case", lambda *_: other)
    text = words(settled(visit(view=INSIDE)))
    assert "its probe learns on drawn scenes, which only TinyVLM knows" in text
    assert "Over many scenes" not in text
