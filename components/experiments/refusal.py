"""The audit of a refusal on one question, with the dial."""

import streamlit as st

from components import forms
from components.section import Section
from engine.core.charts.drawing import Views
from engine.evaluation.experiment import ExperimentCase
from engine.hallucination.ssr_audit.one_question import DeclinedQuestion


def show(_result: Views, case: ExperimentCase, key: str) -> None:
    st.header("On one question")
    key = f"{key}.one"
    slot = f"{key}.{DeclinedQuestion.name}"
    answer, dials = st.container(), st.container()
    forms.refuse_links(DeclinedQuestion, slot)
    with dials:
        left, right = st.columns(2, gap="large")
        with left:
            settings = forms.settings(DeclinedQuestion, slot, ("question", "declined"))
        with right:
            settings |= forms.settings(DeclinedQuestion, slot, ("dial", "layer"))
        with st.popover("Rerouting"):
            settings |= forms.settings(DeclinedQuestion, slot, ("target", "words", "rounds"))
    with answer:
        Section(key, DeclinedQuestion(**settings), case, DeclinedQuestion.title).show()
