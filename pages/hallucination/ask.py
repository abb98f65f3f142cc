"""Ask: what a vision-language model says of an image, word by word, and what it makes up."""

import streamlit as st

from components import notices
from components.ask import cause, claims, maps, priors, question, scene

st.title("Ask")
st.markdown("What does a model that looks and talks see, and what does it make up?")

image, answer = st.columns([4, 5], gap="large")
with image:
    shown = scene.choose()
with answer:
    told = question.ask(shown)
    question.show_answer(told)
    claims.show(told)
    question.others(told)

st.subheader(question.heading("Where did {} look?", told), divider="gray")
looks = maps.show(told)

st.subheader(question.heading("What does {} hang on?", told), divider="gray")
cause.show(told, looks)

st.subheader("Without looking: which words survive when the image is taken away?", divider="gray")
priors.show(told)

st.subheader("Pick a region: which words need it?", divider="gray")
cause.region(told)
notices.research_use_only()
