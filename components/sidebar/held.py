"""What is chosen in the sidebar stays while other pages are open, also what only a link chose.

Each page draws the widgets of its subject itself. Those of the page before keep their values to
themselves as long as they are there. So a page that has just been opened is first run without any
widget, and the values are put under their keys: from there this page's widgets, and its link, have
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import streamlit as st
from streamlit.errors import StreamlitAPIException

from components.views import AppPage

KEYS = (
    "image", "data", "kind", "item", "model", "words", "prompt", "target", "versus", "reading",
    "precision", "seed",
)  # fmt: skip
PAGE = "subject.page"


def hold(page: str) -> None:
    """Take the subject along to the page of that address, before anything of it is drawn."""
    before = st.session_state.get(PAGE, page)
    st.session_state[PAGE] = page
    if before == page:
        return
    for key in KEYS:
        if key in st.session_state:
            value = st.session_state[key]
            del st.session_state[key]
            st.session_state[key] = value
    st.rerun()


def go(view: AppPage, link: Mapping[str, str]) -> NoReturn:
    """Open a view whose link names what the app has just chosen, so that a reload keeps it.

    Where the page that is left has widgets of these names, Streamlit sees to the link itself, and
    refuses one from here.
    """
    try:
        st.switch_page(view.path, query_params=link)
    except StreamlitAPIException:
        st.switch_page(view.path, query_params={})
    raise AssertionError  # switch_page does not come back
