"""An experiment's change on a person's own image, with a slider, and the changed file to take."""

from dataclasses import fields

import streamlit as st

from components import forms
from components.exports import encoded
from components.footer import footer
from components.section import Section
from components.sidebar.subject import Subject
from components.widgets.downloads import download
from engine.core.charts.drawing import Drawing, Views
from engine.evaluation.experiment import ImageChange

KEY = "experiments"


@st.fragment
@footer()
def show(kind: type[ImageChange], key: str, own: Subject) -> None:
    st.header("On your own image")
    method = choose(kind, key)
    Section(
        KEY,
        method,
        own.case.at("exact"),
        sentence=lambda result: sentence(own, result),
        evidence=[Drawing("picture")],
        detail=lambda _: offer(own, method, key),
    ).show()


def offer(own: Subject, method: ImageChange, key: str) -> None:
    download(
        "Changed image (PNG)",
        lambda: encoded(method.apply(own.picture.pixels)),
        "blindspot-changed.png",
        f"{key}.file",
        help="The whole image at its own size.",
    )


def choose(kind: type[ImageChange], key: str) -> ImageChange:
    forms.refuse_links(kind, key)
    main = forms.settings(kind, key, {kind.main})
    others = {spec.name for spec in fields(kind)} - {kind.main}
    with st.popover("More settings"):
        return kind(**main, **forms.settings(kind, key, others))


def sentence(own: Subject, result: Views) -> str:
    before, after = 100 * result["probability"].values
    label = own.case.target.words(own.case.model.labels)
    return f"{own.case.model.title}: {label} {before:.0f} % before, {after:.0f} % after."
