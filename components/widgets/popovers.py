"""Popovers and the keyboard: what is opened with a key takes the focus (see popovers.js)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st


def take_focus() -> None:
    """From now on, in this tab of the browser; once for each page is enough."""
    mounted()(key="popovers")


@cache
def mounted() -> Any:
    """The component, registered once."""
    script = Path(__file__).with_suffix(".js")
    return st.components.v2.component("blindspot_popovers", js=script.read_text("utf-8"))
