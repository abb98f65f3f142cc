"""What is scored: a class, or how similar the image is to a second one."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from components.notices import plain
from components.picks import pick
from components.sidebar import partners
from components.sidebar.subject import Subject
from engine.arguments.pictures import SAMPLE
from engine.case import shown, similarity_case
from engine.errors import BadModel
from engine.images import Crop

CLASS, SIMILARITY = "a class", "similarity to another image"
HELP = (
    "A class: what speaks for the class chosen in the sidebar. Similarity: what makes the model's "
    "features of this image like those of a second one, whatever class it sees (cosine)."
)


def choose(subject: Subject) -> Subject:
    """The subject with the score that was chosen; as it was where the model has no features."""
    if pick("Score", (CLASS, SIMILARITY), "heatmaps.score", "segments", help=HELP) == CLASS:
        return subject
    other = partners.choose_one(subject, "Other image", "heatmaps.like")
    with st.expander("Other images of yours"):
        partners.open_own()
    asked = subject.case
    pixels = shown(other.picture, Crop(), asked.model)
    try:
        case = similarity_case(asked.model, asked.image, pixels, asked.precision, asked.seed)
    except BadModel as error:
        st.info(plain(str(error)))
        return subject
    like = f"{SAMPLE}{other.name}" if other.name else ""
    return replace(subject, case=case, like=like, seen=asked)
