"""The in-distribution check: one line on every view that asks a model about an image."""

from __future__ import annotations

import streamlit as st

from components.notices import plain
from components.sidebar.subject import Subject

FOREIGN = "⚠ **Not this model's kind of image.**"


def line(subject: Subject) -> None:
    """How usual the image is for the model, before anything is said of its answer."""
    with st.spinner("Comparing the image with what the model learned from", show_time=False):
        found = subject.in_distribution
    if found.foreign:
        st.markdown(f"{FOREIGN} {plain(found.sentence)}")
    else:
        st.caption(f"**In-distribution check:** {plain(found.sentence)}")
