"""Ask: what a vision-language model says of an image, word by word, and what it makes up."""

import streamlit as st

from components.ask import answer, cause, every_claim, maps, priors, region
from components.dialog import question, scene

st.title("Ask")
st.markdown("What does a model that looks and talks see, and what does it make up?")

said, controls = st.container(), st.container()
prompt, editor = controls.columns([5, 4], gap="large")
shown = scene.choose(editor)
with prompt:
    case = question.choose(shown, said)
with said:
    picked = answer.show(shown, case)

st.divider()
looks = maps.show(shown, picked)
st.divider()
cause.show(shown, picked, looks)
st.divider()
every_claim.show(shown, picked)
st.divider()
priors.show(shown, picked)
st.divider()
region.show(shown, picked)
