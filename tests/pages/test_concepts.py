"""Concepts as a visitor meets it: the answer before and after, and what else is lost."""

import numpy as np
import pytest

from components.concepts import collateral, form, polls, view
from components.views import ASK, CONCEPTS
from engine.core.result import Table
from engine.core.run import answer
from engine.hallucination import POPE, Greedy, ScenesCase, asking
from engine.unlearning import SAUCE, Collateral, PollsAfter
from engine.unlearning.sauce.collateral import GAMMAS
from engine.vision.language.tiny_vlm.weights import HABIT, load
from tests.visits import settled, visit, words

FEW = {"concepts.SAUCE.steps": "20"}


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(form, "SCENES", 100)
    monkeypatch.setattr(collateral, "COUNT", 6)
    monkeypatch.setattr(polls, "COUNT", 20)


def story_case():
    return asking.about_scene(HABIT, asking.scene("counter", view.STORY), "describe the image")


def test_the_sentence_what_is_lost_and_pope_before_and_after_are_those_of_the_answers():
    at = settled(visit(FEW, CONCEPTS))
    assert "A model of yours" not in [expander.label for expander in at.sidebar.expander]
    method = SAUCE(scenes=100, steps=20)
    scene_case = story_case()
    result = answer(method, scene_case)
    assert at.header[0].value == method.finding(scene_case, result)
    assert view.things_words(result["things"], ("car",)) in words(at)
    at = settled(at.button(key="concepts.collateral.Collateral.go").click().run())
    case = ScenesCase(load(HABIT), Greedy(), 6, clean=True)
    lost_method = Collateral(scenes=100, steps=20)
    lost = answer(lost_method, case)
    text = words(at)
    assert lost_method.finding(case, lost) in [header.value for header in at.header]
    assert collateral.lost_words(lost) in text
    assert collateral.worst_words(lost, method) in text
    at = settled(at.button(key="concepts.polls.PollsAfter.go").click().run())
    case, method = ScenesCase(load(HABIT), Greedy(), 20), PollsAfter(scenes=100, steps=20)
    result = answer(method, case)
    text = words(at)
    assert method.finding(case, result) in [header.value for header in at.header]
    assert polls.right_words(result) in text
    assert polls.yes_words(result) in text
    assert polls.split_words(result) in text
    before = " / ".join(f"{100 * share:.0f}" for share in answer(POPE(), case)["rates"]["accuracy"])
    assert f"{before} % before" in text


def test_a_second_thing_is_forgotten_with_the_first_and_both_stand_in_the_sentence():
    at = settled(visit(FEW | {"concepts.SAUCE.second": "lamp"}, CONCEPTS))
    method = SAUCE(second="lamp", scenes=100, steps=20)
    scene_case = story_case()
    assert at.header[0].value == method.finding(scene_case, answer(method, scene_case))
    assert at.selectbox(key="concepts.SAUCE.third").value == "nothing else"
    at = settled(at.button(key="concepts.collateral.Collateral.go").click().run())
    case = ScenesCase(load(HABIT), Greedy(), 6, clean=True)
    lost = answer(Collateral(second="lamp", scenes=100, steps=20), case)
    text = words(at)
    assert collateral.worst_words(lost, method) in text
    assert "Other features: yes to the car and lamp" in text
    table = collateral.forgotten_first(lost["things"], method)
    assert table.rows[:2] == ("car (to forget)", "lamp (to forget)")
    assert table["before"][0] == pytest.approx(lost["things"].cell("car", "γ = 1"), nan_ok=True)
    assert len(table) == len(lost["things"])


def test_the_chart_of_all_things_is_drawn_in_percent():
    columns = {"before": ([0.9, 0.2], "probability"), "after": ([0.1, 0.2], "probability")}
    figure = view.YES_DOTS.figure(view.as_shares(Table.of(columns, ("car", "lamp"))))
    drawn = {trace.name: list(trace.x) for trace in figure.data if trace.mode == "markers"}
    assert drawn["before"] == pytest.approx([90, 20])
    assert drawn["after"] == pytest.approx([10, 20])


def test_the_worst_other_thing_and_the_nearest_gamma_are_told():
    names = [f"γ = {gamma:g}" for gamma in GAMMAS]
    values = np.ones((3, len(GAMMAS)))
    values[0, 3], values[2, 3] = 0.0, 0.4
    table = Table.grid(values, ("car", "boat", "lamp"), names, ["share"] * len(names))
    sentence = collateral.worst_words({"things": table}, SAUCE(gamma=-0.5))
    assert sentence == "Shown at γ = −0.5. Of the others the lamp falls most: 100 → 40 %."
    assert GAMMAS[collateral.row_of(-5.0)] == min(GAMMAS)


def test_the_cut_off_is_the_score_of_the_last_feature_that_is_suppressed():
    ranking = Table.of({"score": ([0.5, 0.3, 0.1], "")}, [f"feature {at}" for at in (1, 2, 3)])
    assert collateral.ranking_bars({"ranking": ranking}, 2).line == 0.3
    assert collateral.ranking_bars({"ranking": ranking}, 0).line is None
    assert "0.300, the next one 0.100" in collateral.ranking_words({"ranking": ranking}, SAUCE())
    several = Table.of({"score": ([0.5, 0.3], "")}, ("car 3", "lamp 5"))
    assert collateral.ranking_bars({"ranking": several}, 1).line is None
    sentence = collateral.ranking_words({"ranking": several}, SAUCE(second="lamp"))
    assert sentence.startswith("The first 2 of each thing are suppressed.")


def test_a_model_of_ones_own_is_offered_where_scenes_need_not_be_known():
    at = settled(visit({"ask.image": "Scene"}, ASK))
    assert "A model of yours" in [expander.label for expander in at.sidebar.expander]
