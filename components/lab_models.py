"""The part "Models"."""

import streamlit as st


def draw() -> None:
    """Soon."""
    st.info("soon")
