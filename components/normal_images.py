"""Which normal images a view of Anomaly begins with: those of the image's own kind."""

from collections.abc import Collection

import streamlit as st

from components.case_form import CaseForm
from components.sidebar.subject import Subject
from engine.evaluation.detection import sources
from engine.evaluation.detection.healthy import TWINS

NAME = "normal"  # the argument


def normal_source_for_model(subject: Subject) -> str:
    """What the model learned from; for a model of photographs, what the image is like."""
    if sources.training_data_name(subject.case.model):
        return sources.normal_sources(subject.case.model)[0].name
    return normal_source_for_image(subject)


def normal_source_for_image(subject: Subject) -> str:
    """Heads without a lesion for a phantom or a scan, else what the model learned from."""
    is_head = subject.name.startswith("phantoms") or subject.picture.behind is not None
    return TWINS if is_head else sources.normal_sources(subject.case.model)[0].name


def follow_image(form: CaseForm, usual: str, own: Collection[str]) -> None:
    """Where an image of another kind came, its normal images are chosen, whatever was before.

    A link has its way, and so have images of the person's own. Called before the widget.

    Args:
        form: which asks for the normal images.
        usual: the name of those that fit the image.
        own: titles of the person's own.
    """
    key = form.key_of(NAME)
    before = st.session_state.get(f"{key}.usual")
    st.session_state[f"{key}.usual"] = usual
    linked = key in st.query_params and key not in st.session_state
    if before in {None, usual} or linked or st.session_state.get(key) in own:
        return
    titles = {option.name: option.title for option in form.kind.offered(NAME, form.beside)}
    st.session_state[key] = titles[usual]
