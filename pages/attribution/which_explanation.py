"""Which explanation?: eight explainers as one, and which of them predicts what you care about."""

import streamlit as st

from components import in_distribution
from components.sidebar import subject
from components.which_explanation import form, view

st.title("Which explanation?")

about = subject.current({"target", "versus", "reading", "seed"})
warning, answer, controls, rest = (st.container() for _ in range(4))
with warning:
    in_distribution.show_usualness(about, rest)
with controls:
    asked = form.choose(about)
with answer:
    view.show(asked, rest)
