"""Prune: what the model can do without."""

import streamlit as st

from components import notices, prune
from components.sidebar import subject

st.title("Prune")
st.markdown("What can the model do without?")

about = subject.current()
st.markdown(prune.question(about))
prune.show(prune.choose(about))
notices.research_use_only()
