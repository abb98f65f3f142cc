"""The image of the sidebar, denoised by a blind-spot network."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components import forms, section
from components.draw.drawing import draw
from components.footer import footer
from components.section import Section
from components.sidebar.subject import ChosenImage
from engine.attribution.experiments.cbsn import Denoised
from engine.attribution.experiments.cbsn.drawings import HOLE, NEIGHBORS, last_words, over_steps
from engine.core.charts.bars import Bars
from engine.core.charts.drawing import Drawing
from engine.vision.models import catalog

NEARNESS = Drawing(
    "psnr",
    "How near each comes to the image before the noise",
    Bars(value="PSNR", title="PSNR (dB), more is nearer"),
    lambda result: (
        "PSNR: "
        + ", ".join(
            f"{row} {result['psnr'].cell(row, 'PSNR'):.1f} dB" for row in result["psnr"].rows
        )
        + "."
    ),
)
BY_STEP = Drawing(
    "steps", "PSNR while it learned", lambda result: over_steps(result, "PSNR (dB)"), last_words
)
PICTURE = Drawing("picture")
OTHERS = Drawing("others", "Beside it: the blind spot's output, and filters", wide=True)


@st.fragment
@footer()
def show(image: ChosenImage, key: str) -> None:
    """Noise, settings, and the image of the sidebar before and after."""
    st.header("On your own image")
    key = f"{key}.one"
    answer, controls, below = st.container(), st.container(), st.container()
    with controls:
        method = choose(f"{key}.{Denoised.name}")
    with answer:
        ask(image, method, key, below)


def ask(image: ChosenImage, method: Denoised, key: str, below: DeltaGenerator) -> None:
    """What is known of it; no model is asked, so that any one stands for the case."""
    section.show(
        Section(
            key,
            method,
            image.seen_by(catalog.load()),
            columns=2,
            picture=lambda result: draw(PICTURE, result, f"{key}.picture"),
            evidence=(OTHERS, NEARNESS, BY_STEP, HOLE, NEIGHBORS),
            below=below,
            growing=lambda partial: draw(PICTURE, partial, f"{key}.growing"),
            button="Denoise the image",
            before=plan_sentence(method),
        )
    )


def choose(slot: str) -> Denoised:
    """The noise as sliders, the rest folded."""
    forms.refuse_links(Denoised, slot)
    settings = forms.settings(Denoised, slot, ("sigma", "correlation"))
    with st.popover("Settings of the training"):
        others = ("part", "side", "stride", "cell", "weight", "blocks", "steps")
        return Denoised(**settings, **forms.settings(Denoised, slot, others))


def plan_sentence(method: Denoised) -> str:
    """What is done when the button is pressed."""
    noise = "Noise is put on the image; a" if method.sigma else "A"
    return (
        f"{noise} small network learns from it alone in {method.steps} steps. It can be stopped; "
        "what it gives by then is shown."
    )
