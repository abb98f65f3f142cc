"""A file that is made by a press of an ordinary button and then saved without another press.

A download button (`downloads.py`) makes its file outside of the session, and before the browser has
said how maps are shown. What needs either is made in the button's callback and handed over here.
"""

import mimetypes
import time

import streamlit as st

from components.widgets.downloads import UNKNOWN
from components.widgets.mounting import mounted


def stage_file(key: str, content: str) -> None:
    """Keep a file until the page is drawn again; called in the callback of a button."""
    st.session_state[key] = {"when": str(time.time_ns()), "content": content}


def hand_over(key: str, file: str) -> None:
    """The browser saves what was made under that key, once; nothing where nothing was."""
    if staged := st.session_state.pop(key, None):
        kind = mimetypes.guess_type(file)[0] or UNKNOWN
        mounted(__file__, "saving.js", "hand_over.js")(
            key=f"{key}.saving", data={**staged, "name": file, "type": kind}
        )
