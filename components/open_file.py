"""A file of a person's own that the engine reads: what does not fit is said."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from components.notices import show_problems

ContentT = TypeVar("ContentT")


def open_file(
    label: str, key: str, read: Callable[[bytes], ContentT], most: int, help: str
) -> ContentT | None:
    """What is read from a file; None until there is one that fits.

    Args:
        label: of the place where the file is dropped.
        key: of that place.
        read: the content; raises a BlindspotError, with the reason, when it does not fit.
        most: MB of the file.
        help: what the file is to hold.
    """
    uploaded = st.file_uploader(label, key=key, max_upload_size=most, help=help)
    if uploaded is None:
        return None
    with show_problems():
        return read(uploaded.getvalue())
