"""Start: the five questions, and one click into a worked example of each view that exists."""

import streamlit as st

from components import overview

st.title("Blindspot")
st.markdown(
    "Ask a vision model five questions on your own image: "
    "open one in the sidebar, or start from an example."
)
overview.questions()
