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
BOUND = "subject.bound"  # parts of the link that are still to be written


def hold(page: str) -> None:
    """Take the subject along to the page of that address, before anything of it is drawn."""
    before = st.session_state.get(PAGE, page)
    st.session_state[PAGE] = page
    if before == page:
        if bound := st.session_state.pop(BOUND, None):
            for key, value in bound.items():
                written(key, value)
            st.rerun()  # the widgets take their values from the link as the run begins
        return
    for key in KEYS:
        if key in st.session_state:
            value = st.session_state[key]
            del st.session_state[key]
            st.session_state[key] = value
    st.rerun()


def go(view: AppPage, link: Mapping[str, str]) -> NoReturn:
    """Open a view whose link names what the app has just chosen, so that a reload keeps it.

    Streamlit refuses to write a part of the link to which a widget of the page that is left is
    bound, and drops it on the way: `hold` writes that part once those widgets are gone.
    """
    bound = {key: value for key, value in link.items() if not written(key, value)}
    st.session_state[BOUND] = bound
    free = {key: value for key, value in link.items() if key not in bound}
    st.switch_page(view.path, query_params=free)
    raise AssertionError  # switch_page does not come back


def written(key: str, value: str) -> bool:
    """Whether that part of the link could be written; not while a widget is bound to it."""
    try:
        st.query_params[key] = value
    except StreamlitAPIException:
        return False
    return True
