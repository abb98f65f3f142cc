"""Robustness: how small a change of the image makes the model say something else."""

import streamlit as st

from components import in_distribution
from components.robustness import form, maps, view
from components.sidebar import subject

st.title("Robustness")

about = subject.current({"seed"})
warning, answer, controls, rest = (st.container() for _ in range(4))
with warning:
    in_distribution.show_usualness(about, rest)
with controls:
    asked = form.choose(about)
with answer:
    found = view.show(asked, rest)
with rest:
    ordered = view.in_your_order(asked)
    maps.followed(asked, found, ordered)
    view.by_asking(asked)
    view.by_length(asked)
