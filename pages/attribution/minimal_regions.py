"""Minimal regions: how little of the image is enough for the model to say what it says."""

import streamlit as st

from components import in_distribution
from components.minimal_regions import form, view
from components.sidebar import subject

st.title("Minimal regions")

chosen_subject = subject.current({"target", "seed"})
warning, answer, controls, rest = (st.container() for _ in range(4))
with warning:
    in_distribution.show_usualness(chosen_subject, rest)
with controls:
    question = form.choose(chosen_subject)
if question is not None:
    with answer:
        search_answer = view.show(question, rest)
    if search_answer is not None:
        with rest:
            view.compare(question, search_answer)
