"""Heat maps over the image that they are about."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components.runs import Outcome, Pending, Problem
from components.sidebar.subject import Subject, square_behind, square_pixels
from components.widgets.viewer import Panel, viewer


def draw_maps(panels: Sequence[Panel], subject: Subject, key: str) -> None:
    viewer(square_pixels(subject), panels, key, square_behind(subject), subject.mask)


def first_screen(count: int, key: str) -> DeltaGenerator:
    """Room for so many maps that stand whole in the first screen, see theme.css."""
    return st.container(key=f"first-{count}-{key}")


def map_panel(title: str, outcome: Outcome | None) -> Panel:
    """The map of an answer, or in its place why there is none yet; None was not asked so far."""
    match outcome:
        case None:
            return Panel(title, None, "waits for the maps before it")
        case Pending():
            return Panel(title, None, "being computed …")
        case Problem(words=words):
            return Panel(title, None, words)
        case answer:
            return Panel(title, answer["map"])
