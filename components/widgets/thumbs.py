"""Small pictures in rows that can be clicked, or reached by Tab and pressed."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from components.widgets.mounting import mounted


@dataclass(frozen=True)
class Thumb:
    """One picture.

    Args:
        id: its number.
        label: what it shows, in words.
        source: its data URL.
        chosen: whether it is framed.
        notes: further lines below it.
        link: what it opens in another tab, from the app's own address on, in place of being
            pressed; None where it opens nothing. Left out, it is pressed.
    """

    id: int
    label: str
    source: str
    chosen: bool = False
    notes: tuple[str, ...] = ()
    link: str | None = ""


def thumbs(rows: Sequence[Thumb], words: str, key: str, on_pick: Callable[[int], None]) -> None:
    """Draw the pictures; a click calls `on_pick` with the picture's number."""

    def picked() -> None:
        number = st.session_state[key]["picked"]
        if number is not None:
            on_pick(int(number))

    payload = {"rows": [asdict(row) for row in rows], "words": words}
    mounted(__file__)(data=payload, key=key, on_picked_change=picked)
