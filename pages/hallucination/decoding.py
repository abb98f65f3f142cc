"""Decoding: how words are chosen, and whether less is made up then."""

import streamlit as st

from components.decoding import cost, inside, measured, noise, scenes, steps, view

st.title("Decoding")
st.markdown(
    "The same model, the same image, the same question: does another way of choosing words make "
    "up less?"
)

found = view.show()

st.subheader("Why this word?", divider="gray")
steps.show(found)

st.subheader("Inside each strategy", divider="gray")
inside.show(found)

st.subheader("What does it cost?", divider="gray")
cost.show(found)

st.subheader("Over many scenes: what is made up, what is missed?", divider="gray")
scenes.show(found)
measured.show(found)

st.subheader("What can contrasting not mend?", divider="gray")
noise.show(found)
