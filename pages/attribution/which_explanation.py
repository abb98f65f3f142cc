"""Which explanation?: eight explainers as one, and which of them foretells what you care about."""

import streamlit as st

from components import in_distribution, notices
from components.sidebar import subject
from components.which_explanation import view

st.title("Which explanation?")
st.markdown(
    "Eight explainers, eight maps of the same image. Each foretells something else: what small "
    "noise does to the score, what fading the image does, what taking parts away does. Say which "
    "change you care about, and see which map to trust for it."
)

about = subject.current()
st.markdown(subject.question(about))
in_distribution.line(about)
asked = view.ask_for(about)
view.maps(asked, about)
view.trial(asked, about)

notices.research_use_only()
