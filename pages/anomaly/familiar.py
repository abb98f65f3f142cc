"""Familiar?: how unusual an image is to the model, among normal ones."""

import streamlit as st

from components import familiar, familiar_asked, notices
from components.sidebar import subject

st.title("Familiar?")
st.markdown("Has the model seen anything like this image?")

about = subject.current()
st.markdown(familiar.question(about))
chosen = familiar_asked.choose(about)
familiar.show(chosen, familiar_asked.answered(chosen))

with st.expander("Images of yours, as normal or as unknown ones"):
    familiar.open_own(about)
notices.research_use_only()
