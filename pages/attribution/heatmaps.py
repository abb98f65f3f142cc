"""Heatmaps: which part of the image the score rests on."""

import streamlit as st

from components import in_distribution, runs
from components.heatmaps import edit, view
from components.sidebar import subject
from engine.attribution import FIRST, HEATMAPS

st.title("Heatmaps")
st.markdown("Which part of the image does the score rest on?")

about = subject.current()
st.markdown(subject.question(about))
in_distribution.line(about)
kinds = view.pick(HEATMAPS, about, FIRST)
if not kinds:
    st.info("Choose at least one method to see where the score comes from.")
    st.stop()

methods = view.settings(kinds, about)
found = view.outcomes(methods, about)
runs.watch(found)
view.show(methods, found, about)

edit.watch(about)
