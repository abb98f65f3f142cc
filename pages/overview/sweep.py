"""Sweep: many images, models, methods and settings at once."""

import streamlit as st

from components.sweep import view

st.title("Sweep")
st.markdown("Where is a model wrong, and what does it look at there? Many images at a glance.")
view.show()
