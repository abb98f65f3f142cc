"""The experiments of Attribution as a visitor meets them: mixtures, and C-BSN."""

import re
from dataclasses import replace

import pytest

from components import claims
from components.asked_image import SIDEBAR_IMAGE
from components.experiments import mixture
from components.views import ATTRIBUTION_EXPERIMENTS
from engine.attribution.adasmooth import drawings as mixture_drawings
from engine.attribution.adasmooth.claims import ADAPTIVE, ATTACKED, CLEAN, NORMAL, ROBUST
from engine.attribution.adasmooth.experiment import AdaptiveSmoothing
from engine.attribution.adasmooth.mixed_answers import BY_IMAGE, MixedAnswers
from engine.attribution.cbsn import Cbsn, Denoised
from engine.core.result import Table
from engine.core.run import kept_answer
from engine.evaluation.experiment import ExperimentCase
from engine.vision import data as data_sets
from engine.vision.case import image_case
from engine.vision.case.opening import about_first
from engine.vision.case.prediction import at_once
from engine.vision.case.target import Target
from engine.vision.images import Crop
from engine.vision.images.samples import SAMPLES, sample
from engine.vision.models.catalog import load
from tests.opening import Page
from tests.visits import settled, visit, words

KEY = "attribution.AdaptiveSmoothing"
FEW = {"seeds": 1, "images": 10, "steps": 5, "epochs": 1}
LINK = {f"{KEY}.data": "Digits, 8 × 8"} | {
    f"{KEY}.{name}": str(setting) for name, setting in FEW.items()
}
SAMPLE = next(candidate for candidate in SAMPLES if candidate.name == "coffee")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(AdaptiveSmoothing, "certified_images", 2)


def attacked_words(at):
    headers = [header.value for header in at.header]
    return [header for header in headers if header.startswith("Attacked, it is read as")]


def test_it_opens_with_its_picture_and_is_run_to_a_curve_and_an_image_under_attack():
    at = settled(visit(LINK, ATTRIBUTION_EXPERIMENTS))
    assert "an even mixture" in words(at)
    dial = f"{KEY}.one.MixedAnswers.alpha"
    assert dial in [slider.key for slider in at.slider]  # before the experiment has an answer
    assert kept_answer(AdaptiveSmoothing(**FEW), ExperimentCase(data_sets.load("digits"))) is None
    assert any(header.value.startswith("Attacked, it is read as: normal ") for header in at.header)
    at = settled(at.button(key="attribution.AdaptiveSmoothing.go").click().run())
    case, method = ExperimentCase(data_sets.load("digits")), AdaptiveSmoothing(**FEW)
    result = kept_answer(method, case)
    assert at.header[0].value == method.finding(case, result)
    text = words(at)
    assert mixture_drawings.plane_words(result) in text
    assert mixture_drawings.certified_words(result) in text
    assert len(attacked_words(at)) == 1
    at = settled(at.slider(key=dial).set_value(0.0).run())
    assert "it has no say at α = 0" in attacked_words(at)[0]


def below_the_claims():
    """The part about one image, without the experiment's answer."""
    from components.experiments import mixture
    from engine.evaluation.experiment import ExperimentCase
    from engine.vision import data as data_sets

    mixture.show(ExperimentCase(data_sets.load("digits")), "key")


@pytest.fixture
def page():
    """That part, not run yet, about the image of the sidebar: a cup of coffee."""
    at = Page.from_function(below_the_claims, default_timeout=120)
    at.query_params["image"] = SAMPLE.title
    at.query_params["key.one.about"] = SIDEBAR_IMAGE
    return at


def test_a_person_s_own_image_is_asked_of_a_fixed_mixture_and_the_slider_decides(page):
    case = image_case(load("digits-cnn"), sample(SAMPLE.name), Crop(), Target(0))
    case = replace(case, target=Target(int(at_once(case).argmax())))
    at, sentences = settled(page.run()), []
    for alpha in (MixedAnswers.alpha, 0.0, 1.0):  # as it opens, and both ends
        if alpha != MixedAnswers.alpha:
            at = settled(at.slider(key="key.one.MixedAnswers.alpha").set_value(alpha).run())
        method = MixedAnswers(alpha=alpha)
        assert attacked_words(at) == [method.finding(case, method(case))]
        sentences += attacked_words(at)
    assert "it has no say at α = 0" in sentences[1]
    assert "The normal network cannot change that" in sentences[2]
    assert len(set(sentences)) == len(sentences)


def test_a_person_s_own_image_is_asked_of_nonlinear_mixing(page):
    at = page
    at.query_params["key.one.MixedAnswers.mixing"] = BY_IMAGE
    at.run()
    assert at.button(key="key.one.MixedAnswers.stop")  # a network is taught
    at = settled(at)
    assert MixedAnswers.cost == "wait"  # so it stands among the jobs
    assert mixture.MIXING in words(at)
    assert not [slider for slider in at.slider if slider.key.endswith("MixedAnswers.alpha")]
    sentences = attacked_words(at)
    assert len(sentences) == 1
    assert re.search(r"α is 0\.[5-9]\d, and the robust network leads by", sentences[0])


def test_the_curve_runs_from_one_network_to_the_other_over_what_picking_by_chance_gives():
    columns = {CLEAN: ([0.9, 0.95, 0.94, 0.93], "share")}
    columns |= {ATTACKED: ([0.1, 0.5, 0.6, 0.65], "share")}
    table = Table.of(columns, [NORMAL, "mixture, α = 0.6", ROBUST, ADAPTIVE])
    drawn = mixture_drawings.in_plane(table)
    lines = (*[mixture_drawings.MIXED] * 3, *[mixture_drawings.PICKED] * 2)
    assert drawn.rows == (*lines, "normal network", "robust network", mixture_drawings.NONLINEAR)
    assert drawn[ATTACKED] == pytest.approx([0.1, 0.5, 0.6, 0.1, 0.6, 0.1, 0.6, 0.65])
    assert mixture_drawings.plane_words({"plane": table}) == (
        "Right under attack (first seed) at α = 0: 10 %, 0.6: 50 % (by chance 40 %), 1: 60 %; "
        "nonlinear: 65 %."
    )
    first = table.take([0, 1])
    assert mixture_drawings.in_plane(first).rows == (*lines[:2], "normal network")
    assert "by chance" not in mixture_drawings.plane_words({"plane": first})
    shares = {"radius": ([0.0, 0.1], ""), "α = 0.6": ([0.25, 0.1], "share")}
    certified = Table.of(shares | {"α = 1": ([0.75, 0.5], "share")})
    assert ": α = 0.6 25 %, α = 1 75 %." in mixture_drawings.certified_words(
        {"certified": certified}
    )


def test_the_three_likeliest_classes_of_any_network_are_drawn():
    normal, robust = [0.1, 0.8, 0.1, 0.0], [0.1, 0.0, 0.2, 0.7]
    table = Table.of({"normal": (normal, "share"), "robust": (robust, "share")}, "abcd")
    assert mixture.likeliest_classes(table).rows == ("b", "d", "c")


CBSN = "attribution.CBSN"
CBSN_FEW = {"seeds": 1, "steps": 2, "images": 3, "blocks": 1}
DENOISED_SETTINGS = {"steps": 2, "blocks": 1, "side": 24}
CBSN_LINK = {
    "attribution.chosen": Cbsn.title,
    **{f"{CBSN}.{name}": str(setting) for name, setting in CBSN_FEW.items()},
    **{f"{CBSN}.one.Denoised.{name}": str(setting) for name, setting in DENOISED_SETTINGS.items()},
}


def test_it_is_run_to_pictures_and_claims_and_denoises_the_image_of_the_sidebar(monkeypatch):
    monkeypatch.setattr(Cbsn, "data", ("phantoms:count=100,side=48",))
    at = settled(visit(CBSN_LINK, ATTRIBUTION_EXPERIMENTS))
    assert "Correlated noise has grains" in words(at)
    at = settled(at.button(key=f"{CBSN}.go").click().run())
    case, method = ExperimentCase(data_sets.load(Cbsn.data[0])), Cbsn(**CBSN_FEW)
    result = kept_answer(method, case)
    assert at.header[0].value == method.finding(case, result)
    text = words(at)
    assert all(drawing.finding(result) in text for drawing in method.drawings[1:])
    assert result["hole"].finding in text
    assert "At the center: 0 with the blind spot" in text
    at = settled(at.button(key=f"{CBSN}.one.Denoised.go").click().run())
    image_case, denoiser = about_first(SAMPLES[0].name), Denoised(**DENOISED_SETTINGS)
    finding = denoiser.finding(image_case, kept_answer(denoiser, image_case))
    assert finding in [header.value for header in at.header]


def test_margins_in_decibels_are_said_as_such():
    for margin, tolerance, unit, words_ in (
        (1.26, 0.5, "dB", "+1.3 ± 0.5 dB"),
        (0.126, 0.05, "share", "+12.6 ± 5.0 points"),
    ):
        columns = {"margin": ([margin], unit), "tolerance": ([tolerance], unit)}
        columns["outcome"] = [1], ""
        assert f"margin {words_}" in claims.claim_line(Table.of(columns, ("a",), ("b",)), 0)
