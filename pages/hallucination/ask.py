"""Ask: what a vision-language model says of an image, word by word, and what it makes up."""

import streamlit as st

from components.ask import answer, cause, every_claim, maps, priors, region
from components.dialog import question, scene

st.title("Ask")
st.markdown("What does a model that looks and talks see, and what does it make up?")

verdict_area, controls = st.container(), st.container()
prompt_column, editor_column = controls.columns([5, 4], gap="large")
scene_image = scene.choose(editor_column)
with prompt_column:
    case = question.choose(scene_image, verdict_area)
with verdict_area:
    picked = answer.show(scene_image, case)

st.divider()
looks = maps.show(scene_image, picked)
st.divider()
cause.show(scene_image, picked, looks)
st.divider()
every_claim.show(scene_image, picked)
st.divider()
priors.show(scene_image, picked)
st.divider()
region.show(scene_image, picked)
