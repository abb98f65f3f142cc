"""Familiar?: how unusual an image is to the model, among normal ones."""

import streamlit as st

from components import in_distribution, notices
from components.familiar import asked, view
from components.sidebar import subject

st.title("Familiar?")
st.markdown("Has the model seen anything like this image?")

about = subject.current()
st.markdown(view.question(about))
in_distribution.line(about)
chosen = asked.choose(about)
view.show(chosen, asked.answered(chosen))

with st.expander("Images of yours, as normal or as unknown ones"):
    view.open_own(about)
notices.research_use_only()
