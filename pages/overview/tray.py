"""Tray: what was pinned, two results side by side, and the report."""

import streamlit as st

from components.report import page

st.title("Tray")
page.draw()
