"""Slides: which tiles of a slide make a network give its label."""

import streamlit as st

from components.slides import form, own, ratio, view

st.title("Slides")
st.markdown("Which **tiles** of a large image make a network give its label?")

answer, controls, below = st.container(), st.container(), st.container()
with controls:
    question = form.choose()
with answer:
    view.show(question, below)
with below:
    st.divider()
ratio.show(question)
st.divider()
own.show()
