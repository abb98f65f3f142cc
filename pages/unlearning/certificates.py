"""Certificates: how many poisoned training images an answer survives."""

import streamlit as st

from components.certificates import form, poison, view

st.title("Certificates")
st.markdown("How many training images may be **poisoned** before this answer can change?")

answer, controls, below = st.container(), st.container(), st.container()
with controls:
    question = form.choose()
with answer:
    view.show(question, below)
with below:
    st.divider()
poison.show(question)
