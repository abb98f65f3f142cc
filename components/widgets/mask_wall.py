"""A wall of kernels whose filters can be clicked, or reached by Tab and the arrow keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st


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

    said = {
        "source": source,
        "spots": [asdict(spot) for spot in spots],
        "words": words,
        "width": width,
    }
    mounted()(data=said, key=key, on_picked_change=picked)


@cache
def mounted() -> Any:
    """The component, registered once."""
    here = Path(__file__)
    return st.components.v2.component(
        "blindspot_mask_wall",
        css=here.with_suffix(".css").read_text("utf-8"),
        js=here.with_suffix(".js").read_text("utf-8"),
    )
