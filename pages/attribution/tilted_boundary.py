"""Tilted boundary: why an accurate classifier can have tiny adversarial perturbations."""

import streamlit as st

from components import in_distribution
from components.sidebar import subject
from components.tilt import more, view

st.title("Tilted boundary")
st.markdown("Why can a classifier be right so often and still be **fooled by so little**?")

answer, below = st.container(), st.container()
with answer:
    view.show()
with below:
    more.sheets()
    if more.in_a_network():
        about = subject.current({"target", "versus", "seed"})
        more.local(about)
        in_distribution.show_usualness(about)
