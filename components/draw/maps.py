"""Heat maps over the image that they are about."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components.sidebar.subject import Subject, square_behind, square_pixels
from components.widgets.viewer import Panel, viewer


def draw_maps(panels: Sequence[Panel], subject: Subject, key: str) -> None:
    """Side by side over the square that the model saw, with the outline of what is known."""
    viewer(square_pixels(subject), panels, key, square_behind(subject), subject.mask)


def first_screen(count: int, key: str) -> DeltaGenerator:
    """Room for so many maps that stand whole in the first screen, see theme.css."""
    return st.container(key=f"first-{count}-{key}")
