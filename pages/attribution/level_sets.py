"""Level sets: what can change in the image without the model noticing."""

import streamlit as st

from components import in_distribution
from components.level_sets import view
from components.notices import escape_markdown
from components.sidebar import partners, subject

st.title("Level sets")

chosen_subject = subject.current({"target", "seed"})
warning, answer, controls, rest = (st.container() for _ in range(4))
with warning:
    in_distribution.show_usualness(chosen_subject, rest)
    st.markdown(f"**{escape_markdown(view.question_sentence(chosen_subject))}**")
with controls:
    questions = view.choose(chosen_subject)
    with st.expander("Targets of yours"):
        partners.open_own()
with answer:
    if questions:
        view.show(questions, rest)
