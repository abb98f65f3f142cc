"""Prototypes as a visitor meets them: an image's answer, another reasoning, robust beside plain."""

import base64
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from components.asked_image import SIDEBAR_IMAGE
from components.prototypes import form, learned, robust, view
from components.prototypes.form import IMAGE, KEY, ROBUST, SLOT, network_of
from components.views import PROTOTYPES
from engine.attribution.cbc import PrototypeRobustness, Prototypes, about_row, first_row
from engine.attribution.cbc.learning import NETWORK_TITLES, REASONING_TITLES
from engine.attribution.cbc.networks import DEEP, INDEFINITE, NEGATIVE
from engine.attribution.cbc.reasons import LEFT_OUT, PARTS, ignored_words
from engine.core.question import Question
from engine.core.result import Table
from engine.core.run import answer
from engine.vision import data as data_sets
from tests.visits import problems, settled, unfolded, visit, words

FEW = {"components": 12, "epochs": 3, "tries": 1}
LINK = {f"{SLOT}.{name}": str(value) for name, value in FEW.items()}
LINK[f"{KEY}.data"] = "Digits, 8 × 8"


def question(row=None, **changed):
    data = data_sets.load("digits")
    row = first_row(data) if row is None else row
    return Question(Prototypes(**FEW, **changed), about_row(data, row))


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
    assert view.scores_text(query, result) in text
    assert view.parts_sentence("parts", result) in text
    assert view.parts_sentence("rival parts", result) in text
    assert view.certified(result) in text
    assert view.flip_sentence(query, result) in text
    assert result["flip"].finding in text
    learned_parts = answer(network_of(query), query.case.learned)
    assert learned.strongest_wish(learned_parts) in words(unfolded(at))


def test_the_label_stands_below_the_image_and_a_wrong_answer_is_said():
    query = question()
    right = int(query.case.data.labels[query.case.row])
    for label, more in ((right, ""), ((right + 1) % 10, ", so the answer is wrong")):
        outcome = {"outcome": Table.of({"answer": ([label], "")})}
        assert view.answer_sentence(query, outcome) == f"labeled {right}{more}"
    blank = replace(query, case=replace(query.case, image=torch.zeros(1, 8, 8)))
    assert view.answer_sentence(blank, outcome) == "your image, as the network sees it"
    assert blank.case.shown.max() == 0


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
    link = LINK | {f"{KEY}.about": SIDEBAR_IMAGE}
    at = settled(visit(link, PROTOTYPES))
    assert "Not the kind of image that this network learns" in words(at)
    link |= {"image": "From a data set", "data": "Digits, 8 × 8"}
    assert "In-distribution check" in words(settled(visit(link, PROTOTYPES)))


def test_robust_and_plain_are_compared_when_told():
    few = {"components": 10, "epochs": 1, "images": 10, "tries": 1}
    link = LINK | {f"{ROBUST}.{name}": str(value) for name, value in few.items()}
    at = settled(visit(link, PROTOTYPES))
    assert "Six networks are trained" in words(at)
    at = settled(at.button(key=f"{ROBUST}.go").click().run())
    method, case = PrototypeRobustness(**few), question().case.learned
    result = answer(method, case)
    assert method.finding(case, result) in [header.value for header in at.header]
    assert robust.curve("certified", "").finding(result) in words(at)


def test_too_few_prototypes_are_a_sentence():
    at = settled(visit(LINK | {f"{SLOT}.components": "5"}, PROTOTYPES))
    assert "choose at least 10 prototypes" in " ".join(problems(at))


def test_what_one_prototype_can_do_and_what_is_proved_is_said(snapshot):
    query = question()
    outcome = Table.of({"answer": ([8], ""), "rival": ([3], "")})
    for needed in (np.nan, 0.75):
        columns = {"seen": ([0.2], "share"), "needed": ([needed], "share")}
        results = {"changes": Table.of(columns, ["prototype 4"]), "outcome": outcome}
        assert view.flip_sentence(query, results) == snapshot
    columns = {"certificate": math.inf, "closed form": math.inf, "flip": math.nan}
    outcome = Table.of({name: ([value], "") for name, value in columns.items()})
    assert view.certified({"outcome": outcome}) == snapshot  # nothing can turn it
    five = Table.of({name: ([0.2], "share") for name in (*PARTS, LEFT_OUT)}, ["prototype 1"])
    ignored = ignored_words(Table.of({"left out": ([0.85], "share")}), INDEFINITE)
    captions = [view.reasoning_text(five), ignored]
    assert captions == snapshot
    assert max(map(len, captions)) < 95  # they fit a telephone


@pytest.mark.parametrize("titles", [NETWORK_TITLES, REASONING_TITLES])
def test_every_choice_has_a_title(titles):
    assert len(set(titles.values())) == len(titles)
    assert set(form.EXPLAINED.values()) < set(REASONING_TITLES)
