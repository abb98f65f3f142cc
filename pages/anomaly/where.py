"""Where is it odd?: which places of the image normal images do not have."""

import streamlit as st

from components import in_distribution, notices, uploads
from components.sidebar import subject
from components.where_odd import form, nova, photograph, slices, view

st.title("Where is it odd?")

about = subject.current({"seed"})
model = about.case.model
st.markdown(
    "Which places look unlike normal images to the layers of "
    f"**{notices.escape_markdown(model.title)}**?"
)

warning, answer, controls, whole, below = (st.container() for _ in range(5))
with warning:
    in_distribution.show_usualness(about, below)
with notices.show_problems():
    with controls:
        asked = form.choose(about)
        view.offer_phantom(about)
    with answer:
        view.show(asked, about, below)
    with whole:
        slices.show(asked, about)
        photograph.show(asked, about)

with st.expander("Normal images of yours"):
    uploads.draw_pictures(
        form.KEY, model.side, form.OWN_HELP, form.PIECES, picker=f"{form.KEY}.normal"
    )
nova.show(model)
