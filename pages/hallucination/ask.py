"""Ask: what a vision-language model says of an image, word by word, and what it makes up."""

import streamlit as st

from components import ask, ask_cause, ask_claims, ask_maps, ask_priors, ask_scene, notices

st.title("Ask")
st.markdown("What does a model that looks and talks see, and what does it make up?")

image, answer = st.columns([4, 5], gap="large")
with image:
    shown = ask_scene.choose()
with answer:
    told = ask.ask(shown)
    ask.show_answer(told)
    ask_claims.show(told)
    ask.others(told)

st.subheader(ask.heading("Where did {} look?", told), divider="gray")
looks = ask_maps.show(told)

st.subheader(ask.heading("What does {} hang on?", told), divider="gray")
ask_cause.show(told, looks)

st.subheader("Without looking: which words survive when the image is taken away?", divider="gray")
ask_priors.show(told)

st.subheader("Pick a region: which words need it?", divider="gray")
ask_cause.region(told)
notices.research_use_only()
