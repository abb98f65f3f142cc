"""Protect data: images changed so that networks learn nothing useful from them."""

import streamlit as st

from components.protect import view
from components.sidebar import subject

st.title("Protect data")

about = subject.current({"target"})
st.markdown("Can your images be changed so that a network **learns nothing useful** from them?")
view.show(about)
