"""Where is it odd?: which places of the image normal images do not have."""

import streamlit as st

from components import in_distribution, notices, uploads
from components.sidebar import subject
from components.where_odd import form, nova, photograph, slices, view

st.title("Where is it odd?")

chosen_subject = subject.current({"seed"})
model = chosen_subject.case.model
st.markdown(
    "Which places look unlike normal images to the layers of "
    f"**{notices.escape_markdown(model.title)}**?"
)

warning, answer, controls, whole, below = (st.container() for _ in range(5))
with warning:
    in_distribution.show_usualness(chosen_subject, below)
with notices.show_problems():
    with controls:
        question = form.choose(chosen_subject)
        view.offer_phantom(chosen_subject)
    with answer:
        view.show(question, chosen_subject, below)
    with whole:
        slices.show(question, chosen_subject)
        photograph.show(question, chosen_subject)

with st.expander("Normal images of yours"):
    uploads.draw_pictures(
        form.KEY, model.side, form.OWN_HELP, form.PIECES, picker=f"{form.KEY}.normal"
    )
nova.show(model)
