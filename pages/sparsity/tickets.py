"""Tickets: sparse networks that could have learned alone, and masks that are learned."""

import streamlit as st

from components.tickets import bip, form, rewinding, view

st.title("Tickets")
st.markdown("Could a **part of the network** have learned alone, from the weights it began with?")

answer, controls = st.container(), st.container()
with controls:
    question, own_image = form.choose()
with answer:
    view.show(question, own_image)
bip.show(question.case)
rewinding.show(rewinding.usual_case())
