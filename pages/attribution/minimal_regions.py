"""Minimal regions: how little of the image is enough for the model to say what it says."""

import streamlit as st

from components import in_distribution
from components.minimal_regions import form, view
from components.sidebar import subject

st.title("Minimal regions")

about = subject.current({"target", "seed"})
warning, answer, controls, beside = (st.container() for _ in range(4))
with warning:
    in_distribution.show_usualness(about, beside)
with controls:
    asked = form.choose(about)
if asked is not None:
    with answer:
        found = view.show(asked, beside)
    if found is not None:
        with beside:
            view.compare(asked, found)
