"""Decoding: how words are chosen, and whether less is made up then."""

import streamlit as st

from components.decoding import cost, half, inside, measured, noise, scenes, sinks, view

CLOSER = {
    "Inside each strategy": (inside,),
    "What does it cost?": (cost,),
    "Over many scenes: what is made up, what is missed?": (scenes, measured),
    "Where does attention rest?": (sinks,),
    "What can contrasting not mend?": (noise,),
    "What is lost with half the weights?": (half,),
}

st.title("Decoding")
st.markdown(
    "The same model, the same image, the same question: does another way of choosing words make "
    "up less?"
)

comparison = view.show()

for title, parts in CLOSER.items():
    with st.expander(title):
        for part in parts:
            part.show(comparison)
