"""Robustness: how small a change of the image makes the model say something else."""

import streamlit as st

from components import in_distribution
from components.robustness import form, maps, view
from components.sidebar import subject

st.title("Robustness")

chosen_subject = subject.current({"seed"})
warning, answer, controls, rest = (st.container() for _ in range(4))
with warning:
    in_distribution.show_usualness(chosen_subject, rest)
with controls:
    question = form.choose(chosen_subject)
with answer:
    attack_answer = view.show(question, chosen_subject, rest)
with rest:
    ordered = view.in_your_order(question)
    attacks = {maps.BOUND: attack_answer, maps.ORDER: ordered}
    maps.followed(question, chosen_subject, attacks)
    view.by_asking(question, chosen_subject)
    view.by_length(question)
