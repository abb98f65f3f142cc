"""Study: ten explainers on images with several labels, measured and ranked."""

import streamlit as st

from components.study import form, view

st.title("Study")
st.markdown(
    "Which kind of heat map can be relied on? Ten methods, measured alike on images of known truth."
)

answer, controls, rest = (st.container() for _ in range(3))
with controls:
    question = form.choose()
with answer:
    view.show(question, rest)
