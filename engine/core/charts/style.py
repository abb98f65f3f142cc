"""How charts look: the colors of both themes, their symbols and dashes, margins and labels.

What is drawn over the ramp is white with a black edge, so that it is seen on all of it. Plotly
reads its texts as HTML, so labels are escaped.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from engine.core.pictures.colors import SEQUENTIAL

if TYPE_CHECKING:
    import plotly.graph_objects as go

if TYPE_CHECKING:
    import plotly.graph_objects as go

STOPS = 33  # of the ramp, as Plotly is sent it
MARGINS = {"l": 10, "r": 10, "t": 10, "b": 10}
GRAY = "#808080"  # 3:1 on either theme's background
INK = {"light": "#12171a", "dark": "#e6eae9"}  # Streamlit's own chart texts are too faint
COLORS = {"light": ("#0072b2", "#b84f00", "#007f5f"), "dark": ("#56b4e9", "#e69f00", "#2fc79a")}
WRAP = 16  # characters of a label's line
DASHES = ("solid", "dash", "dot", "dashdot", "24px,4px", "longdashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x")


@dataclass
class Page:
    """What charts are drawn on; the app sets how its theme is asked for."""

    theme: Callable[[], str] = lambda: "light"


PAGE = Page()


def theme() -> str:
    """Light or dark, as the page is now."""
    return PAGE.theme()


def on_bars() -> str:
    """The color of texts within bars of the theme's colors, which are dark on light and light on
    dark."""
    return {"light": "#ffffff", "dark": INK["light"]}[theme()]


def laid(figure: go.Figure, height: int) -> go.Figure:
    """Calm margins, the legend on top, and axes that cannot be dragged."""
    figure.update_layout(
        height=height,
        margin=MARGINS | {"t": 30},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    for update in (figure.update_xaxes, figure.update_yaxes):
        update(fixedrange=True)
        update(exponentformat="power", selector={"type": "log"})  # not "1f" for 10⁻¹⁵
    return figure


def ramp() -> list[tuple[float, str]]:
    """The ramp of unsigned numbers as Plotly takes it."""
    at = np.linspace(0, 255, STOPS).round().astype(int)
    return [(float(k / 255), "rgb({},{},{})".format(*SEQUENTIAL[k])) for k in at]


def wrapped(label: str) -> str:
    """A label over at most two lines, as text that Plotly does not read as HTML."""
    lines = textwrap.wrap(label, WRAP, max_lines=2, placeholder=" …") or [""]
    return "<br>".join(escape(line) for line in lines)
