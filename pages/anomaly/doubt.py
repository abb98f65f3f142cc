"""Confusion or ignorance: does the model hesitate between classes, or know none of them?"""

from dataclasses import replace

import streamlit as st

from components import in_distribution, notices
from components.doubt import form, view
from components.sidebar import subject
from components.views import ANOMALY_EXPERIMENTS

st.title("Confusion or ignorance")
st.markdown("Does the model hesitate between classes that it knows, or does it know none of them?")

chosen_subject = subject.current({"seed"})
answer, controls, blends, below = (st.container() for _ in range(4))
with notices.show_problems():
    with answer:
        question = form.choose(chosen_subject)
        if question.own:
            in_distribution.show_usualness(chosen_subject)
    with controls:
        question = replace(question, method=view.settings())
    with answer:
        view.show(question, below)
    with blends:
        view.show_blends(question)

st.page_link(ANOMALY_EXPERIMENTS.path, label="Which claims of the papers hold here: Experiments")
