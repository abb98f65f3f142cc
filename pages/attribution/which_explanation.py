"""Which explanation?: eight explainers as one, and which of them predicts what you care about."""

import streamlit as st

from components import in_distribution
from components.sidebar import subject
from components.which_explanation import form, view

st.title("Which explanation?")
st.markdown(
    "Eight explainers, eight maps of the same image. Each predicts something else: what small "
    "noise does to the score, what fading the image does, what taking parts away does. Say which "
    "change you care about, and see which map to trust for it."
)

about = subject.current()
in_distribution.line(about)
view.show(form.choose(about))
