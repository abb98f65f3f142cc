"""How much to mask: bag AUC and key tiles found over r_h, beside the plain networks."""

import streamlit as st

from components import forms
from components.picks import pick
from components.section import Section
from components.slides.form import KEY, ShownBag
from engine.attribution.mhim import MaskedRatio
from engine.attribution.mhim.methods import POOLINGS
from engine.attribution.mhim.ratio import RATIOS
from engine.attribution.mhim.scores import MEASURES
from engine.core.charts.drawing import Drawing
from engine.core.charts.lines import Lines

SLOT = f"{KEY}.MaskedRatio"


def show(question: ShownBag) -> None:
    answer, controls = st.container(), st.container()
    forms.refuse_links(MaskedRatio, SLOT)
    with controls:
        left, right = st.columns([3, 1], gap="medium", vertical_alignment="bottom")
        with left:
            measure = pick("Measure", MEASURES, f"{KEY}.measure", "pills", first="hard ones")
        with right, st.popover("Settings"):
            settings = forms.settings(MaskedRatio, SLOT, ("epochs", "seeds"))
    method = MaskedRatio(version=question.method.version, **settings)
    trained = method.seeds * (len(RATIOS) + len(POOLINGS))
    with answer:
        Section(
            KEY,
            method,
            question.case,
            "How much to mask",
            known=question.known,
            evidence=(curve(measure),),
            button="Train for each share",
            before=f"{trained} networks are trained: {len(RATIOS)} shares and "
            f"{len(POOLINGS)} plain networks, with {method.seeds} seeds. It takes minutes.",
        ).show()


def curve(measure: str) -> Drawing:
    series = {measure: "student"} | {f"{measure}, {name}": name for name in POOLINGS}
    chart = Lines(
        x="masked",
        series=series,
        title=f"{measure} (%)",
        x_title="tiles masked at first (%)",
        bands={measure: (f"{measure}, low", f"{measure}, high", "± 1 sd over seeds")},
    )
    return Drawing("curve", "", chart, wide=True)
