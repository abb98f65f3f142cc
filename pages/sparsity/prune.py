"""Prune: what the model can do without."""

import streamlit as st

from components import in_distribution
from components.prune import view
from components.sidebar import subject

st.title("Prune")
st.markdown("What can the model do without?")

about = subject.current()
st.markdown(view.question(about))
in_distribution.line(about)
view.show(view.choose(about))
