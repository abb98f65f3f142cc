"""The top classes as bars that can be clicked, with a mark where each stood before."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from components.widgets.mounting import mounted


@dataclass(frozen=True)
class Bar:
    """One class: its index, label, probability, and the probability it is compared with."""

    index: int
    label: str
    value: float
    before: float | None = None
    chosen: bool = False


def bar_widget(rows: Sequence[Bar], key: str, on_pick: Callable[[int], None] | None = None) -> None:
    """Draw the bars; a click calls `on_pick` with the class's index."""
    payload = {"rows": [asdict(row) for row in rows], "clickable": on_pick is not None}

    def picked() -> None:
        index = st.session_state[key]["picked"]
        if on_pick is not None and index is not None:
            on_pick(int(index))

    mounted(__file__)(data=payload, key=key, on_picked_change=picked)
