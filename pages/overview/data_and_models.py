"""Data and models: what is there to learn from, train on it, and what came of it."""

import streamlit as st

from components.lab import form, look, models, train

st.title("Data and models")
st.markdown("What is there to learn from, what was learned, and where each model came from?")

match form.part():
    case form.DATA:
        look.draw()
    case form.TRAIN:
        train.draw()
    case _:
        models.draw()
