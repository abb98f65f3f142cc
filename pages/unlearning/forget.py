"""Forget: what can the model forget, and what stays behind."""

import streamlit as st

from components import notices
from components.forget import form, view
from components.sidebar import subject

st.title("Forget")
st.markdown("What can it forget, and what stays behind?")

view.show(form.choose(), subject.current_or_none())
notices.research_use_only()
