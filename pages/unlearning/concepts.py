"""Concepts: things are left out of what a vision-language model sees."""

import streamlit as st

from components.concepts import collateral, form, polls, view

st.title("Concepts")
st.markdown("Can a model stop seeing **one thing**, or up to three, and keep the others?")

answer, controls = st.container(), st.container()
with controls:
    dialog_image, case, method = form.choose()
with answer:
    view.show(dialog_image, case, method)
st.divider()
collateral.show(case, method)
st.divider()
polls.show(case, method)
