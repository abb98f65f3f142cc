"""Minimal regions: how little of the image is enough for the model to say what it says."""

import streamlit as st

from components import in_distribution
from components.minimal_regions import form, view
from components.sidebar import subject

st.title("Minimal regions")
st.markdown(
    "How little of the image is enough? Regions are shown one by one, on black, in the order in "
    "which they make the class most probable. The shortest prefix that is enough is a reason, not "
    "the only one."
)

about = subject.current()
in_distribution.line(about)
answer, controls, beside = st.container(), st.container(), st.container()
with controls:
    asked = form.choose(about)
if asked is not None:
    with answer:
        found = view.show(asked)
    if found is not None:
        with beside:
            view.compare(asked, found)
