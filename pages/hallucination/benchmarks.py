"""Benchmarks: the field's own questions, on scenes and on one's own files."""

import streamlit as st

from components.benchmarks import view

st.title("Benchmarks")
st.markdown(
    "Does it say yes to what is not there (POPE), and what do its captions make up (CHAIR)? On "
    "drawn scenes, or on your own answers and captions."
)

view.show()
