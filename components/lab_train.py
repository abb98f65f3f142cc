"""The part "Train"."""

import streamlit as st


def draw() -> None:
    """Soon."""
    st.info("soon")
