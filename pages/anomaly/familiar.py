"""Familiar?: how unusual an image is to the model, among normal ones."""

import streamlit as st

from components import in_distribution, notices, uploads
from components.familiar import form, view
from components.sidebar import subject

st.title("Familiar?")

about = subject.current({"seed"})
model = about.case.model
st.markdown(
    f"Has **{notices.escape_markdown(model.lineage.trail)}** seen anything like this image?"
)
answer, controls, below = (st.container() for _ in range(3))
in_distribution.show_usualness(about, below)
with notices.show_problems():
    with controls:
        asked = form.choose(about)
    with answer:
        view.show(asked, below)

with st.expander("Images of yours, as normal or as unknown ones"):
    uploads.draw_pictures(form.KEY, model.side, form.OWN_HELP, picker=f"{form.KEY}.normal")
