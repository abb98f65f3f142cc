"""Familiar?: how unusual an image is to the model, among normal ones."""

import streamlit as st

from components import in_distribution, notices, uploads
from components.familiar import form, view
from components.sidebar import subject

st.title("Familiar?")

chosen_subject = subject.current({"seed"})
model = chosen_subject.case.model
st.markdown(
    f"Has **{notices.escape_markdown(model.lineage.trail)}** seen anything like this image?"
)
answer, controls, below = (st.container() for _ in range(3))
in_distribution.show_usualness(chosen_subject, below)
with notices.show_problems():
    with controls:
        question = form.choose(chosen_subject)
    with answer:
        view.show(question, below)

with st.expander("Images of yours, as normal or as unknown ones"):
    uploads.draw_pictures(form.KEY, model.side, form.OWN_HELP, picker=f"{form.KEY}.normal")
