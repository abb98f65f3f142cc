"""Data and models: what is there to learn from, train on it, and what came of it."""

import streamlit as st

from components import lab, lab_look, lab_models, lab_train, notices

st.title("Data and models")
st.markdown("What is there to learn from, what was learned, and where each model came from?")

match lab.part():
    case lab.DATA:
        lab_look.draw()
    case lab.TRAIN:
        lab_train.draw()
    case _:
        lab_models.draw()

notices.research_use_only()
