"""Prototypes: what the answer is because of what is seen, and because of what is not."""

import streamlit as st

from components.prototypes import form, learned, robust, view

st.title("Prototypes")
st.markdown("Which prototypes speak **for** and **against** the answer, and what would flip it?")

answer, controls, below = st.container(), st.container(), st.container()
with controls:
    question = form.choose()
with answer:
    view.show(question, below)
with below:
    st.divider()
learned.show(question)
robust.show(question)
