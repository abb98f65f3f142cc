"""Heatmaps: which part of the image the score rests on."""

import streamlit as st

from components import in_distribution
from components.heatmaps import edit, view
from components.sidebar import subject
from components.trust import trials
from engine.attribution import FIRST, HEATMAPS

st.title("Heatmaps")

about = subject.current()
warning, answer, controls, rest = (st.container() for _ in range(4))
with warning:
    in_distribution.line(about, rest)
with controls:
    methods = view.settings(view.pick(HEATMAPS, about, FIRST), about)
    checks = trials.choose(about)
with answer:
    if methods:
        view.show(methods, checks, about, rest)
    else:
        st.info("Choose at least one method to see where the score comes from.")

with rest:
    edit.watch(about)
