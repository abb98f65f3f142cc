"""The image of the sidebar, denoised by a blind-spot network."""

import streamlit as st

from components import forms
from components.footer import footer
from components.section import Section
from components.sidebar.subject import ChosenImage
from engine.attribution.cbsn import Denoised
from engine.vision.models import catalog


@st.fragment
@footer()
def show(image: ChosenImage, key: str) -> None:
    st.header("On your own image")
    key = f"{key}.one"
    answer, controls, below = st.container(), st.container(), st.container()
    with controls:
        method = choose(f"{key}.{Denoised.name}")
    case = image.seen_by(catalog.load())  # no model is asked, so that any one stands for the case
    before = plan_sentence(method)
    with answer:
        Section(key, method, case, below=below, button="Denoise the image", before=before).show()


def choose(slot: str) -> Denoised:
    forms.refuse_links(Denoised, slot)
    settings = forms.settings(Denoised, slot, ("sigma", "correlation"))
    with st.popover("Settings of the training"):
        others = ("part", "side", "stride", "cell", "weight", "blocks", "steps")
        return Denoised(**settings, **forms.settings(Denoised, slot, others))


def plan_sentence(method: Denoised) -> str:
    noise = "Noise is put on the image; a" if method.sigma else "A"
    return (
        f"{noise} small network learns from it alone in {method.steps} steps. It can be stopped; "
        "what it gives by then is shown."
    )
