"""What is chosen in the sidebar stays while other pages are open, also what only a link chose.

Each page draws the widgets of its subject itself. Those of the page before keep their values to
themselves as long as they are there. So a page that has just been opened is first run without any
widget: then Streamlit keeps the values under their keys, from where this page's widgets, and its
link, have them.
"""

from __future__ import annotations

import streamlit as st

KEYS = (
    "image", "data", "kind", "item", "model", "words", "prompt", "target", "versus", "reading",
    "precision", "seed",
)  # fmt: skip
PAGE, OPENED = "subject.page", "subject.opened"


def hold(page: str) -> None:
    """Take the subject along to the page of that address, before anything of it is drawn."""
    before = st.session_state.get(PAGE, page)
    st.session_state[PAGE] = page
    if before != page:
        st.session_state[OPENED] = True
        st.rerun()
    if st.session_state.pop(OPENED, False):
        for key in KEYS:
            if key in st.session_state:
                st.session_state[key] = st.session_state[key]
