"""The download button of every view: pressing it makes the file and does not rerun the page.

A press that reran the page would race against the download: Streamlit discards the function that
makes the file at the end of that very run, and the browser then silently saves nothing.
"""

import mimetypes
from collections.abc import Callable
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

UNKNOWN = "application/octet-stream"


def download(
    label: str,
    make: Callable[[], str | bytes],
    file: str,
    key: str,
    *,
    place: DeltaGenerator | None = None,
    help: str | None = None,
    icon: str | None = None,
    kind: Literal["primary", "secondary", "tertiary"] = "secondary",
    wide: bool = False,
) -> None:
    """Draw the button; its file's type follows from the ending of its name.

    Args:
        label: on the button.
        make: gives the content, in a thread without a Streamlit context.
        file: the name that the browser saves it under.
        key: of the widget.
        place: a column or container; the page itself if not given.
        help: shown when the pointer rests on it.
        icon: in front of the label.
        kind: how much it stands out.
        wide: as wide as its place.
    """
    (place or st).download_button(
        label,
        make,
        file,
        mimetypes.guess_type(file)[0] or UNKNOWN,
        key=key,
        help=help,
        icon=icon,
        type=kind,
        on_click="ignore",
        width="stretch" if wide else "content",
    )
