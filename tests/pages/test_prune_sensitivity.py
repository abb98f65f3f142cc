"""Sensitivity on the Prune page: measured on request, by the criterion and pieces of the page."""

from __future__ import annotations

import pytest

from components.views import PRUNE
from engine.models import catalog
from engine.run import answer
from engine.sparsity import Sensitivity, prune_case
from engine.sparsity.criteria.jackpot import Jackpot
from tests.visits import settled, visit, words

DIGITS = {"image": "From a data set", "data": "Digits, 8 × 8", "model": "Digits CNN"}
GO = "prune.Sensitivity.go"


def opened(**link):
    settings = {f"prune.{name}": value for name, value in link.items()}
    return settled(visit(DIGITS | settings | {"prune.section": "Sensitivity"}, PRUNE))


@pytest.mark.parametrize(("structure", "tried"), [("filter", "filter"), ("N:M", "weight")])
def test_layers_are_cut_alone_on_request_and_the_sentence_is_the_engine_s(structure, tried):
    at = opened(structure=structure, criterion="SNIP")
    assert "One layer at a time by SNIP, all others as they are, nothing trained." in words(at)
    at = settled(at.button(key=GO).click().run())
    method = Sensitivity(criterion="SNIP", structure=tried)
    case = prune_case(catalog.load("digits-cnn"))
    result = answer(method, case)
    text = words(at)
    assert method.finding(case, result) in text
    whole = float(result["figures"]["whole model"])
    lost = [
        name
        for name, line in zip(result["accuracy"].rows, result["accuracy"].values, strict=True)
        if line[0] < whole - 0.05
    ]
    assert ("Loses over five points at 30 % already" in text) == bool(lost)


def test_a_searching_criterion_is_replaced_by_magnitude_and_that_is_said():
    at = opened(criterion=Jackpot.title)
    at = settled(at.button(key="prune.scores.main.0.go").click().run())
    assert "One layer at a time by Magnitude" in words(at)
