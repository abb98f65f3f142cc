"""Prototypes as a visitor meets them: an image's answer, another reasoning, robust beside plain."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from components.asked_image import SIDEBAR_IMAGE
from components.prototypes import form, learned, robust, view
from components.prototypes.form import IMAGE, KEY, ROBUST, SLOT, PrototypeQuestion
from components.views import PROTOTYPES
from engine import data as data_sets
from engine.attribution.prototypes import PrototypeRobustness, Prototypes, about_row, first_row
from engine.attribution.prototypes.learning import NETWORK_TITLES, REASONING_TITLES
from engine.attribution.prototypes.networks import DEEP, INDEFINITE, NEGATIVE
from engine.attribution.prototypes.reasons import LEFT_OUT, PARTS, ignored_words
from engine.result import Table
from engine.run import answer
from tests.visits import problems, settled, unfolded, visit, words

FEW = {"components": 12, "epochs": 3, "tries": 1}
DIGITS = {f"{KEY}.data": "Digits, 8 × 8"}
LINK = DIGITS | {f"{SLOT}.{name}": str(value) for name, value in FEW.items()}


def question(row=None, **changed):
    data = data_sets.load("digits")
    row = first_row(data) if row is None else row
    label = data.classes[data.labels[row]]
    return PrototypeQuestion(about_row(data, row), Prototypes(**FEW, **changed), label, {})


def charts(at):
    """The bars of every chart, by name and in the order of the page, each with its lengths."""
    specs = [json.loads(chart.proto.spec) for chart in at.main.get("plotly_chart")]
    return [{bar.get("name"): lengths(bar.get("x")) for bar in spec["data"]} for spec in specs]


def lengths(x):
    """Numbers as Plotly sends them: a list, or bytes in base 64."""
    if isinstance(x, dict):
        return np.frombuffer(base64.b64decode(x["bdata"]), x["dtype"])
    return x


def test_sentence_parts_and_certificate_are_those_of_the_answer():
    at = settled(visit(LINK, PROTOTYPES))
    query = question()
    result = answer(query.method, query.case)
    assert at.header[0].value == query.method.finding(query.case, result)
    text = words(at)
    for sentence in (
        view.scores_text(query, result),
        view.parts_sentence("parts", result),
        view.parts_sentence("rival parts", result),
        view.certified(result),
        view.flip_sentence(query, result),
        result["flip"].finding,
    ):
        assert sentence in text


def test_the_label_stands_below_the_image_and_a_wrong_answer_is_said():
    query = question()
    label = int(query.label)
    outcome = {"outcome": Table.of({"answer": ([label], "")})}
    assert view.answer_sentence(query, outcome) == f"labeled {query.label}"
    outcome = {"outcome": Table.of({"answer": ([(label + 1) % 10], "")})}
    assert view.answer_sentence(query, outcome) == f"labeled {query.label}, so the answer is wrong"
    unlabeled = replace(query, label="")
    assert view.answer_sentence(unlabeled, outcome) == "your image, as the network sees it"


def test_another_reasoning_and_another_network_are_other_answers():
    at = settled(visit(LINK, PROTOTYPES))
    first = at.header[0].value
    at.button_group(key=f"{KEY}.reasoning").set_value(REASONING_TITLES[INDEFINITE])
    at = settled(at.run())
    query = question(reasoning=INDEFINITE)
    result = answer(query.method, query.case)
    assert at.header[0].value == query.method.finding(query.case, result) != first
    text = words(at)
    assert ignored_words(result["outcome"], INDEFINITE) in text
    assert view.reasoning_text(view.own_parts(result)) in text
    assert view.reasoning_text(view.rival_parts(query, result)) in text
    drawn = [chart for chart in charts(at) if LEFT_OUT in chart]
    assert len(drawn) == 2  # of the answer and of the class that comes second
    tables = view.own_parts(result), view.rival_parts(query, result)
    for chart, table in zip(drawn, tables, strict=True):
        assert list(chart) == [*PARTS, LEFT_OUT]
        assert np.sum(list(chart.values()), 0) == pytest.approx(np.full(8, 100))
        assert chart[LEFT_OUT][-1] == pytest.approx(100 * table[LEFT_OUT].mean())
    at.button_group(key=f"{KEY}.reasoning").set_value(REASONING_TITLES[NEGATIVE])
    at.button_group(key=f"{KEY}.network").set_value(NETWORK_TITLES[DEEP])
    at = settled(at.run())
    query = question(network=DEEP)
    result = answer(query.method, query.case)
    assert at.header[0].value == query.method.finding(query.case, result)
    assert "Proved" not in words(at)
    assert not any(LEFT_OUT in chart for chart in charts(at))


def test_a_pressed_image_is_asked_about():
    data = data_sets.load("digits")
    row = int(data.some("test", 20)[7])
    at = visit(LINK, PROTOTYPES)
    at.session_state[IMAGE] = int(data.ids[row])
    at = settled(at.run())
    query = question(row)
    assert at.header[0].value == query.method.finding(query.case, answer(query.method, query.case))


def test_the_image_of_the_sidebar_is_asked_about_and_a_photograph_is_said_to_be_foreign():
    at = settled(visit(LINK | {f"{KEY}.about": SIDEBAR_IMAGE}, PROTOTYPES))
    text = words(at)
    assert "Not the kind of image that this network learns" in text
    at = settled(
        visit(
            LINK
            | {f"{KEY}.about": SIDEBAR_IMAGE, "image": "From a data set", "data": "Digits, 8 × 8"},
            PROTOTYPES,
        )
    )
    assert "In-distribution check" in words(at)


def test_robust_and_plain_are_compared_when_told():
    few = {"components": 10, "epochs": 1, "images": 10, "tries": 1}
    link = LINK | {f"{ROBUST}.{name}": str(value) for name, value in few.items()}
    at = settled(visit(link, PROTOTYPES))
    assert "Six networks are trained" in words(at)
    at = settled(at.button(key=f"{ROBUST}.go").click().run())
    method, case = PrototypeRobustness(**few), question().training
    result = answer(method, case)
    assert method.finding(case, result) in [header.value for header in at.header]
    assert robust.curve("certified", "").finding(result) in words(at)


def test_the_whole_network_has_its_strongest_wish():
    at = unfolded(settled(visit(LINK, PROTOTYPES)))
    query = question()
    result = answer(query.network, query.training)
    assert learned.strongest_wish(result) in words(at)


def test_too_few_prototypes_are_a_sentence():
    at = settled(visit(LINK | {f"{SLOT}.components": "5"}, PROTOTYPES))
    assert "choose at least 10 prototypes" in " ".join(problems(at))


def test_what_no_single_prototype_can_do_is_said():
    query = question()
    columns = {"seen": ([0.2], "share"), "needed": ([np.nan], "share")}
    outcome = Table.of({"answer": ([8], ""), "rival": ([3], "")})
    results = {"changes": Table.of(columns, ["prototype 4"]), "outcome": outcome}
    assert (
        view.flip_sentence(query, results) == "No prototype alone, however it is seen, makes it 3."
    )
    columns["needed"] = [0.75], "share"
    results["changes"] = Table.of(columns, ["prototype 4"])
    assert view.flip_sentence(query, results) == (
        "If prototype 4 were seen 75 % in place of 20 %, 3 would have as much as 8."
    )


def test_the_captions_of_the_old_cbc_fit_a_telephone():
    names = (*PARTS, LEFT_OUT)
    five = Table.of({name: ([0.2], "share") for name in names}, ["prototype 1"])
    sentence = view.reasoning_text(five)
    assert (
        sentence
        == "On average 40 % positive, 40 % negative, 20 % indefinite; each bar makes 100 %."
    )
    assert len(sentence) < 95
    outcome = Table.of({"left out": ([0.85], "share")})
    assert len(ignored_words(outcome, INDEFINITE)) < 95


@pytest.mark.parametrize("titles", [NETWORK_TITLES, REASONING_TITLES])
def test_every_choice_has_a_title(titles):
    assert len(set(titles.values())) == len(titles)
    assert set(form.EXPLAINED.values()) < set(REASONING_TITLES)


def test_a_blank_image_is_drawn_and_said_to_be_blank():
    query = question()
    blank = replace(query, case=replace(query.case, image=torch.zeros(1, 8, 8)))
    assert blank.pixels.max() == 0


def test_an_answer_that_nothing_can_turn_is_proved_for_any_size():
    outcome = Table.of(
        {"certificate": ([math.inf], ""), "closed form": ([math.inf], ""), "flip": ([math.nan], "")}
    )
    sentence = view.certified({"outcome": outcome})
    assert sentence == "Proved for a change of any size. The attack turned it nowhere."
