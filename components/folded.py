"""What is folded away is built when it is unfolded."""

from collections.abc import Callable

import streamlit as st


@st.fragment
def folded(title: str, key: str, draw: Callable[[], object]) -> None:
    """An expander that draws its content once it is open; the rest of the page is not drawn again.

    What belongs into Share or the footer has no place in it: it would be missing while folded.

    Args:
        title: on it.
        key: of the expander; what it draws needs keys of its own.
        draw: draws the content.
    """
    box = st.expander(title, key=key, on_change="rerun")
    if box.open:
        with box:
            draw()
