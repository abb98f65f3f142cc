"""Generator: a model that draws digits forgets one of them."""

import streamlit as st

from components.generator import form, view

st.title("Generator")
st.markdown("Can a model that draws digits forget how to draw **one of them**, and no other?")

answer, controls, below = st.container(), st.container(), st.container()
with controls:
    question = form.choose()
with answer:
    view.show(question, below)
st.divider()
view.samples(question)
