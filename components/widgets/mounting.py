"""Components of our own: what runs in the browser lies beside the Python that sends it data."""

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st


@cache
def mounted(file: str, *scripts: str) -> Any:
    """The component of a file such as words.py, registered once: words.js, with words.css if any.

    Args:
        file: the path of the Python.
        scripts: in place of its own script, in their order, as paths from its folder.
    """
    script_path = Path(file)
    paths = [script_path.parent / script for script in scripts] or [script_path.with_suffix(".js")]
    style = script_path.with_suffix(".css")
    return st.components.v2.component(
        f"blindspot_{script_path.stem}",
        css=style.read_text("utf-8") if style.exists() else None,
        js="\n".join(path.read_text("utf-8") for path in paths),
    )
