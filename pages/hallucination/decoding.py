"""Decoding: how words are chosen, and whether less is made up then."""

import streamlit as st

from components import (
    decoding,
    decoding_answers,
    decoding_cost,
    decoding_inside,
    decoding_noise,
    decoding_scenes,
    decoding_steps,
    notices,
)

st.title("Decoding")
st.markdown(
    "The same model, the same image, the same question: does another way of choosing words make "
    "up less?"
)

found = decoding_answers.side_by_side(decoding.choose())

st.subheader("Why this word?", divider="gray")
decoding_steps.show(found)

st.subheader("Inside each strategy", divider="gray")
decoding_inside.show(found)

st.subheader("What does it cost?", divider="gray")
decoding_cost.show(found)

st.subheader("Over many scenes: what is made up, what is missed?", divider="gray")
decoding_scenes.show(found)

st.subheader("What can contrasting not mend?", divider="gray")
decoding_noise.show(found)
notices.research_use_only()
