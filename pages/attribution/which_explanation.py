"""Which explanation?: eight explainers as one, and which of them predicts what you care about."""

import streamlit as st

from components import in_distribution
from components.sidebar import subject
from components.which_explanation import form, view

st.title("Which explanation?")

chosen_subject = subject.current({"target", "versus", "reading", "seed"})
warning, answer, controls, rest = (st.container() for _ in range(4))
with warning:
    in_distribution.show_usualness(chosen_subject, rest)
with controls:
    question = form.choose(chosen_subject)
with answer:
    view.show(question, rest)
