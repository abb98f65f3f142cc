"""Heatmaps: which part of the image the score rests on."""

import streamlit as st

from components import in_distribution
from components.heatmaps import edit, likeness, view
from components.sidebar import subject
from components.trust import trials
from engine.attribution import FIRST, HEATMAPS

st.title("Heatmaps")

chosen_subject = subject.current()
warning, answer, edited, controls, rest = (st.container() for _ in range(5))
with warning:
    in_distribution.show_usualness(chosen_subject, rest)
with controls:
    scored_subject = likeness.choose(chosen_subject)
    methods = view.settings(view.pick(HEATMAPS, scored_subject, FIRST), scored_subject)
    checks = trials.choose(scored_subject)
with answer:
    if methods:
        view.show(methods, checks, scored_subject, rest)
    else:
        st.info("Choose at least one method to see where the score comes from.")
with edited:
    edit.edit_rectangle(chosen_subject, edit.start(scored_subject, methods))
