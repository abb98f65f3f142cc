"""Small pictures in rows that can be clicked, or reached by Tab and pressed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st


@dataclass(frozen=True)
class Thumb:
    """One picture: its number, what it shows in words, and its data URL."""

    id: int
    label: str
    source: str
    chosen: bool = False


def thumbs(rows: Sequence[Thumb], words: str, key: str, on_pick: Callable[[int], None]) -> None:
    """Draw the pictures; a click calls `on_pick` with the picture's number."""

    def picked() -> None:
        number = st.session_state[key]["picked"]
        if number is not None:
            on_pick(int(number))

    said = {"rows": [asdict(row) for row in rows], "words": words}
    mounted()(data=said, key=key, on_picked_change=picked)


@cache
def mounted() -> Any:
    """The component, registered once."""
    here = Path(__file__)
    return st.components.v2.component(
        "blindspot_thumbs",
        css=here.with_suffix(".css").read_text("utf-8"),
        js=here.with_suffix(".js").read_text("utf-8"),
    )
