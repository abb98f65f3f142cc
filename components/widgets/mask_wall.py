"""A wall of kernels whose filters can be clicked, or reached by Tab and the arrow keys."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from components.widgets.mounting import mounted


@dataclass(frozen=True)
class Spot:
    """One filter: its number, what is said of it, and its place as shares of the picture."""

    id: int
    label: str
    box: tuple[float, float, float, float]  # left, top, width, height
    chosen: bool = False


def mask_wall(
    source: str,
    spots: Sequence[Spot],
    words: str,
    key: str,
    on_pick: Callable[[int], None],
    width: int = 700,
) -> None:
    """Draw the picture, at most `width` px wide; a click on a filter calls `on_pick`."""

    def picked() -> None:
        number = st.session_state[key]["picked"]
        if number is not None:
            on_pick(int(number))

    payload = {
        "source": source,
        "spots": [asdict(spot) for spot in spots],
        "words": words,
        "width": width,
    }
    mounted(__file__)(data=payload, key=key, on_picked_change=picked)
