"""The experiments of Attribution as a visitor meets them: mixtures, and one image under attack."""

from __future__ import annotations

import re

import pytest

from components.asked_image import OWN
from components.experiments import mixture
from components.views import ATTRIBUTION_EXPERIMENTS
from engine import data as data_sets
from engine.attribution.experiments import AdaptiveSmoothing, adaptive
from engine.attribution.experiments.mixed_answers import BY_IMAGE, MixedAnswers
from engine.attribution.experiments.mixture_claims import (
    ADAPTIVE,
    ATTACKED,
    CLEAN,
    NORMAL,
    ROBUST,
)
from engine.experiment import ExperimentCase
from engine.result import Table
from engine.run import known
from tests.visits import settled, visit, words

KEY = "attribution.AdaptiveSmoothing"
FEW = {"seeds": 1, "images": 10, "steps": 5, "epochs": 1}
LINK = {f"{KEY}.data": "Digits, 8 × 8"} | {f"{KEY}.{name}": str(one) for name, one in FEW.items()}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(adaptive, "CERTIFIED", 2)


def test_it_opens_with_its_picture_and_is_run_to_a_curve_and_an_image_under_attack():
    at = settled(visit(LINK, ATTRIBUTION_EXPERIMENTS))
    assert not at.exception
    assert "an even mixture" in words(at)
    dial = f"{KEY}.one.MixedAnswers.alpha"
    assert dial in [one.key for one in at.slider]  # before the experiment has an answer
    assert known(AdaptiveSmoothing(**FEW), ExperimentCase(data_sets.load("digits"))) is None
    assert any(one.value.startswith("Attacked, it is read as: normal ") for one in at.header)
    at = settled(at.button(key="attribution.AdaptiveSmoothing.go").click().run())
    assert not at.exception
    case, method = ExperimentCase(data_sets.load("digits")), AdaptiveSmoothing(**FEW)
    found = known(method, case)
    assert at.header[0].value == method.finding(case, found)
    shown = words(at)
    assert mixture.plane_words(found) in shown
    assert mixture.certified_words(found) in shown
    told = [one.value for one in at.header if one.value.startswith("Attacked, it is read as")]
    assert len(told) == 1
    at = settled(at.slider(key=dial).set_value(0.0).run())
    later = [one.value for one in at.header if one.value.startswith("Attacked, it is read as")]
    assert "it has no say at α = 0" in later[0]


def test_a_person_s_own_image_is_asked_of_nonlinear_mixing(monkeypatch):
    """In the part below the claims, without the experiment's answer."""
    from streamlit.testing.v1 import AppTest

    def page():
        from components.experiments import mixture
        from engine import data as data_sets
        from engine.experiment import ExperimentCase

        mixture.show(ExperimentCase(data_sets.load("digits")), "key")

    at = AppTest.from_function(page, default_timeout=120)
    at.query_params["key.one.about"] = OWN
    at.query_params["key.one.MixedAnswers.mixing"] = BY_IMAGE
    at.run()
    assert "key.one.MixedAnswers.stop" in [one.key for one in at.button]  # a network is taught
    at = settled(at)
    assert MixedAnswers.cost == "wait"  # so it stands among the jobs
    assert not at.exception
    assert mixture.MIXING in words(at)
    assert not [one for one in at.slider if one.key.endswith("MixedAnswers.alpha")]
    told = [one.value for one in at.header if one.value.startswith("Attacked, it is read as")]
    assert len(told) == 1
    assert re.search(r"α is 0\.[5-9]\d, and the robust network leads by", told[0])


def test_the_curve_runs_from_one_network_to_the_other_over_what_picking_by_chance_gives():
    columns = {CLEAN: ([0.9, 0.95, 0.94, 0.93], "share"),
               ATTACKED: ([0.1, 0.5, 0.6, 0.65], "share")}  # fmt: skip
    table = Table.of(columns, [NORMAL, "mixture, α = 0.6", ROBUST, ADAPTIVE])
    drawn = mixture.in_plane(table)
    assert drawn.rows == (
        *[mixture.MIXED] * 3, *[mixture.PICKED] * 2, "normal network", "robust network",
        mixture.NONLINEAR,
    )  # fmt: skip
    assert drawn[ATTACKED] == pytest.approx([0.1, 0.5, 0.6, 0.1, 0.6, 0.1, 0.6, 0.65])
    assert mixture.plane_words({"plane": table}) == (
        "Right under attack (first seed) at α = 0: 10 %, 0.6: 50 % (by chance 40 %), 1: 60 %; "
        "nonlinear: 65 %."
    )
    first = table.take([0, 1])
    assert mixture.in_plane(first).rows == (mixture.MIXED, mixture.MIXED, "normal network")
    assert "by chance" not in mixture.plane_words({"plane": first})


def test_the_three_likeliest_classes_of_any_network_are_drawn():
    table = Table.of(
        {"normal": ([0.1, 0.8, 0.1, 0.0], "share"), "robust": ([0.1, 0.0, 0.2, 0.7], "share")},
        ("a", "b", "c", "d"),
    )
    assert mixture.strongest(table).rows == ("b", "d", "c")
