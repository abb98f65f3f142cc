"""Heatmaps: which part of the image the score rests on."""

import streamlit as st

from components import in_distribution
from components.heatmaps import edit, likeness, view
from components.sidebar import subject
from components.trust import trials
from engine.attribution import FIRST, HEATMAPS

st.title("Heatmaps")

about = subject.current()
warning, answer, edited, controls, rest = (st.container() for _ in range(5))
with warning:
    in_distribution.show_usualness(about, rest)
with controls:
    asked = likeness.choose(about)
    methods = view.settings(view.pick(HEATMAPS, asked, FIRST), asked)
    checks = trials.choose(asked)
with answer:
    if methods:
        view.show(methods, checks, asked, rest)
    else:
        st.info("Choose at least one method to see where the score comes from.")
with edited:
    edit.edit_rectangle(about, edit.start(asked, methods))
