"""Study: ten explainers on images with several labels, measured and ranked."""

import streamlit as st

from components.study import form, view

st.title("Study")
st.markdown(
    "Which kind of heat map can be relied on? Ten methods explain the same images, in which it is "
    "known where everything is, and each is measured in the same way."
)

answer, controls = st.container(), st.container()
with controls:
    asked = form.choose()
with answer:
    view.show(asked)
