"""C-BSN as a visitor meets it: the experiment's run, and the image of the sidebar denoised."""

from __future__ import annotations

from components.experiments import denoising
from components.views import ATTRIBUTION_EXPERIMENTS
from engine import data as data_sets
from engine.attribution.experiments.cbsn import Cbsn, Denoised
from engine.case.opening import about_first
from engine.experiment import ExperimentCase
from engine.images.samples import SAMPLES
from engine.result import Table
from engine.run import kept_answer
from tests.visits import settled, visit, words

KEY = "attribution.CBSN"
FEW = {"seeds": 1, "steps": 2, "images": 3, "blocks": 1}
DENOISED_SETTINGS = {"steps": 2, "blocks": 1, "side": 24}
LINK = {
    "attribution.chosen": Cbsn.title,
    **{f"{KEY}.{name}": str(setting) for name, setting in FEW.items()},
    **{f"{KEY}.one.Denoised.{name}": str(setting) for name, setting in DENOISED_SETTINGS.items()},
}


def test_it_is_run_to_pictures_and_claims_and_denoises_the_image_of_the_sidebar(monkeypatch):
    monkeypatch.setattr(Cbsn, "data", ("phantoms:count=100,side=48",))
    at = settled(visit(LINK, ATTRIBUTION_EXPERIMENTS))
    assert "Correlated noise has grains" in words(at)
    at = settled(at.button(key=f"{KEY}.go").click().run())
    assert not at.exception
    case, method = ExperimentCase(data_sets.load(Cbsn.data[0])), Cbsn(**FEW)
    result = kept_answer(method, case)
    assert at.header[0].value == method.finding(case, result)
    text = words(at)
    assert denoising.neighbor_words(result) in text
    assert denoising.last_words(result, "gained") in text
    assert result["hole"].finding in text
    assert "At the center: 0 with the blind spot" in text
    at = settled(at.button(key=f"{KEY}.one.Denoised.go").click().run())
    assert not at.exception
    image_case, denoiser = about_first(SAMPLES[0].name), Denoised(**DENOISED_SETTINGS)
    assert denoiser.finding(image_case, kept_answer(denoiser, image_case)) in [
        header.value for header in at.header
    ]


def test_margins_in_decibels_are_said_as_such():
    from components import claims

    table = Table.of(
        {"outcome": ([1], ""), "margin": ([1.26], "dB"), "tolerance": ([0.5], "dB")}, ("a",), ("b",)
    )
    assert "margin +1.3 ± 0.5 dB" in claims.claim_line(table, 0)
    shares = Table.of(
        {"outcome": ([1], ""), "margin": ([0.126], "share"), "tolerance": ([0.05], "share")},
        ("a",),
        ("b",),
    )
    assert "margin +12.6 ± 5.0 points" in claims.claim_line(shares, 0)
