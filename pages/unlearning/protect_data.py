"""Protect data: images changed so that networks learn nothing useful from them."""

import streamlit as st

from components import in_distribution
from components.protect import view
from components.sidebar import subject

st.title("Protect data")

chosen_subject = subject.current({"target"})
warning, answer, rest = (st.container() for _ in range(3))
with warning:
    in_distribution.show_usualness(chosen_subject, rest)
    st.markdown("Can your images be changed so that a network **learns nothing useful** from them?")
with answer:
    view.show(chosen_subject)
