"""Forget as a visitor meets it: one sentence, the engine's figures, and bad input."""

from __future__ import annotations

import time

import numpy as np
import pytest

from components.forget_board import Verdict
from components.views import FORGET
from engine.data import load
from engine.gallery import FORGOTTEN
from engine.models import catalog
from engine.run import answer
from engine.unlearning import (
    BoardCase,
    Confidence,
    NoOp,
    Scoreboard,
    forget_case,
    request,
)
from engine.unlearning.around import AfterCase
from engine.unlearning.salun import SalUn
from tests.visits import said, visit


def opened(**link):
    """The page once everything is answered."""
    asked = {f"forget.{name.replace('__', '.')}": value for name, value in link.items()}
    return settled(visit(asked, FORGET))


def settled(at):
    for _ in range(240):
        if not at.main.get("progress"):
            return at
        time.sleep(0.25)
        at.run()
        assert not at.exception
    raise AssertionError(said(at))


def words(at):
    shown = [*at.main.subheader, *at.main.markdown, *at.main.caption, *at.main.success]
    html = [each.proto.body for each in at.main.get("html")]
    return " ".join([*(each.value for each in shown), *html]).replace("\\", "")


@pytest.fixture(scope="module")
def shipped():
    """What the view opens with, from the engine."""
    data = load(FORGOTTEN.data)
    case = forget_case(catalog.load(FORGOTTEN.model), data, request.of_class(data, 3))
    board = BoardCase(case, (NoOp(), *(kind() for kind in FORGOTTEN.ways)))
    return case, answer(Scoreboard(), board)["table"]


def test_the_first_picture_is_there_without_any_choice_and_is_the_engine_s(shipped):
    case, table = shipped
    at = visit(view=FORGET)
    assert not at.main.get("progress")
    assert not said(at)
    assert at.main.subheader[0].value.startswith("SalUn forgot class 3 as well as retraining")
    assert "What is still there: from what it sees inside" in words(at)
    for way in table.rows:
        assert f"{100 * table.cell(way, 'TA'):.0f}" in words(at)
    images = answer(Confidence(), AfterCase(case, SalUn()))["images"]
    middle = 100 * np.median(images["unlearned"])
    assert f"falls from 100 % to {middle:.0f} %" in words(at)


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ((1.0, 1.0, 0.98, 0.98, 0.01), "as well as retraining would"),
        ((1.0, 1.0, 0.98, 0.98, 0.06), "nearly as well"),
        ((0.1, 1.0, 0.98, 0.98, 0.4), "did not forget"),
        ((1.0, 1.0, 0.5, 0.98, 0.4), "by damaging the rest"),
        ((0.9, 0.1, 0.98, 0.98, 0.4), "more than it should"),
        ((1.0, 1.0, 0.98, 0.98, float("nan")), "failed"),
    ],
)
def test_the_sentence_says_which_way_it_went_wrong(figures, expected):
    assert expected in Verdict("X", *figures, 0.2).words("class 3")


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ({"what": "wrong labels"}, "does not say which labels are wrong"),
        ({"what": "planted images"}, "has nothing planted in it"),
        ({"what": "picked images"}, "choose at least one image"),
        ({"what": "picked images", "ids": "x"}, "“x” is no id"),
        ({"what": "picked images", "ids": "0, 0"}, "twice"),
    ],
)
def test_what_cannot_be_forgotten_is_a_sentence(link, expected):
    assert any(expected in one for one in said(opened(**link)))


def test_links_to_what_is_not_offered_are_said_and_the_page_stands():
    at = opened(what="nothing", section="Nowhere", closer="Magic", SalUn__share="7")
    told = " ".join(said(at))
    for word in ("“nothing” as To be forgotten", "“Nowhere” as Part", "“Magic” as Look closer at",
                 "“7” as SalUn ▸ Share"):  # fmt: skip
        assert word in told
    assert at.main.subheader
