"""The way in: a quiet link on the start page."""

import streamlit as st

from components.views import STORIES


def links() -> None:
    st.page_link(STORIES.path, label="Stories: for a room, on a large screen", icon=STORIES.icon)
