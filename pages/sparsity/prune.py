"""Prune: what the model can do without."""

import streamlit as st

from components import in_distribution
from components.notices import escape_markdown
from components.prune import view
from components.sidebar import subject

st.title("Prune")

chosen_subject = subject.current({"target", "versus", "reading", "seed"})
st.markdown(f"What can **{escape_markdown(chosen_subject.case.model.lineage.trail)}** do without?")
warning, answer, usual = (st.container() for _ in range(3))
with warning:
    in_distribution.show_usualness(chosen_subject, usual)
with answer:
    view.show(chosen_subject)
