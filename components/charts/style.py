"""How charts look on the page: Plotly's settings, Streamlit's theme, one scale of probabilities.

Every probability is on one scale from 0 to 1. Colors and fonts of the page come from Streamlit's
theme. Plotly reads its texts as HTML, so labels are escaped. How charts look anywhere stands in
`engine.core.charts.style`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from html import escape
from typing import Any

import numpy as np
import streamlit as st

from engine.core.charts.style import GRAY, PAGE, ramp
from engine.core.result import Floats

CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": "reset"}
AXIS, SCENE, COLOR_AXIS = (re.compile(rf"{name}\d*") for name in ("[xy]axis", "scene", "coloraxis"))


ON_PAPER: ContextVar[bool] = ContextVar("on_paper", default=False)


@contextmanager
def on_paper() -> Iterator[None]:
    """Inside, everything is drawn for a white page, whatever the theme."""
    before = ON_PAPER.set(True)
    try:
        yield
    finally:
        ON_PAPER.reset(before)


def page_theme() -> str:
    """Light or dark, as the page is now; paper is light."""
    if ON_PAPER.get():
        return "light"
    return "dark" if st.context.theme.type == "dark" else "light"


PAGE.theme = page_theme


def stays() -> str:
    """The style of a first column that stays in sight while the others are scrolled."""
    light, dark = (st.get_option(f"theme.{name}.backgroundColor") for name in ("light", "dark"))
    return f"position:sticky;left:0;z-index:1;background:light-dark({light},{dark})"


def inked(spec: dict[str, Any], ink: str) -> dict[str, Any]:
    """A figure as plain parts, every text in one color; a note's own color stays.

    Set on the parts: Plotly's own updates take five times as long as the rest of this.
    """
    layout: dict[str, Any] = spec.setdefault("layout", {})
    colored(layout, ink, "font")
    colored(layout, ink, "legend", "font")
    colored(layout, ink, "legend", "title", "font")
    flat = {"xaxis", "yaxis", *(name for name in layout if AXIS.fullmatch(name))}
    axes = [layout.setdefault(name, {}) for name in sorted(flat)]
    for scene in (layout[name] for name in layout if SCENE.fullmatch(name)):
        axes += [scene.setdefault(f"{letter}axis", {}) for letter in "xyz"]
    axes += [
        bar.setdefault("colorbar", {}) for name, bar in layout.items() if COLOR_AXIS.fullmatch(name)
    ]
    for axis in axes:
        colored(axis, ink, "tickfont")
        colored(axis, ink, "title", "font")
    for note in layout.get("annotations", ()):
        note.setdefault("font", {}).setdefault("color", ink)
    return spec


def colored(parts: dict[str, Any], ink: str, *way: str) -> None:
    """Set the color of a font that is found on this way; what else it says stays."""
    for name in way:
        parts = parts.setdefault(name, {})
    parts["color"] = ink


# ---------------------------------------------------------------- values


def scale(unit: str, *, across: bool = False, below: float = -0.02) -> dict[str, Any]:
    """The one scale of probabilities, from 0 to 1, with its bar below or beside."""
    bar: dict[str, Any] = {
        "title": {"text": escape(unit), "side": "top" if across else "right"},
        "tickvals": [0, 0.25, 0.5, 0.75, 1],
        "thickness": 14,
        "outlinewidth": 1,
        "outlinecolor": GRAY,
    }
    if across:
        bar |= {"orientation": "h", "y": below, "yanchor": "top", "len": 0.9}
    return {"cmin": 0, "cmax": 1, "colorscale": ramp(), "colorbar": bar}


def fill_unknown(values: Floats) -> Floats:
    """The values, zero where none is known in a whole row, so that a lowest one can be had."""
    return np.where(np.isfinite(values).any(axis=-1, keepdims=True), values, np.float32(0))


# ---------------------------------------------------------------- texts


def number(value: float) -> str:
    """A probability in a hover text."""
    return f"{value:.2f}" if np.isfinite(value) else "no value"


def plain_markdown(text: str) -> str:
    """The text with everything that Markdown would read as a sign made a plain character."""
    signs = "".join(f"\\{sign}" if sign in "\\`*_{}[]()<>#+-!|~$:^" else sign for sign in text)
    return re.sub(r"^(\s*\d+)\.", r"\1\\.", signs, flags=re.MULTILINE)  # no list begins
