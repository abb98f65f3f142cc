"""Forget: what can the model forget, and what stays behind."""

import streamlit as st

from components.forget import view

st.title("Forget")
st.markdown("What can it forget, and what stays behind?")

view.show()
