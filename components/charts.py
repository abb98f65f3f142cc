"""What all charts share: Plotly's looks, one scale of probabilities, and numbers as a table.

Every probability is on one scale from 0 to 1. Colors and fonts of the page come from Streamlit's
theme; what is drawn over the ramp is white with a black edge, so that it is seen on all of it.
Plotly reads its texts as HTML, so labels are escaped.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from components.colors import SEQUENTIAL
from components.viewer import said
from engine.result import Floats, Table

NONE = "–"
STOPS = 33  # of the ramp, as Plotly is sent it
CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": "reset"}
MARGINS = {"l": 10, "r": 10, "t": 10, "b": 10}
GRAY = "#808080"  # 3:1 on either theme's background
INK = {"light": "#12171a", "dark": "#e6eae9"}  # Streamlit's own chart texts are too faint
WRAP = 16  # characters of a label's line
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x")


# ---------------------------------------------------------------- tables


def table(view: Table, key: str, *, whole: bool = False) -> None:
    """The table with its units; what is not known is a dash. A whole one does not scroll."""
    frame = framed(view)
    shown = frame.style.format(dict(zip(frame.columns, formats(view), strict=True)), na_rep=NONE)
    st.dataframe(
        shown, height="content" if whole else "auto", key=key,
        alt=f"Table of {len(view.rows)} rows: {', '.join(view.columns)}",
    )  # fmt: skip


def framed(view: Table) -> pd.DataFrame:
    """A column for each of the view's, its unit in the heading; no two names are the same."""
    headings = [
        name if unit in {"", "yes or no", "share"} else f"{name} ({unit})"
        for name, unit in zip(view.columns, view.units, strict=True)
    ]
    return pd.DataFrame(view.values, index=distinct(view.rows), columns=distinct(headings))


def distinct(names: Sequence[str]) -> list[str]:
    """The names, those that come again numbered."""
    seen: Counter[str] = Counter()
    told = []
    for name in names:
        seen[name] += 1
        told.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return told


def formats(view: Table) -> list[Any]:
    """How a number of each column is written."""
    kinds = {"yes or no": yes_or_no, "share": percent, "probability": decimals}
    return [kinds.get(unit, plain) for unit in view.units]


def yes_or_no(value: float) -> str:
    """A yes or a no."""
    return NONE if not np.isfinite(value) else "yes" if value else "no"


def percent(value: float) -> str:
    """A share of one."""
    return f"{100 * value:.0f} %" if np.isfinite(value) else NONE


def decimals(value: float) -> str:
    """A probability, or a difference of two."""
    return f"{value:.3f}".replace("-", "−") if np.isfinite(value) else NONE


def plain(value: float) -> str:
    """Any other number."""
    return said(value) if np.isfinite(value) else NONE


def numbers(tables: Mapping[str, Table]) -> None:
    """The twin of a drawing: its numbers, folded away."""
    with st.expander("The numbers as a table"):
        for key, view in tables.items():
            table(view, key)


def with_table(
    figure: go.Figure,
    words: str,
    tables: Mapping[str, Table],
    key: str,
    on_select: Callable[[Any], None] | None = None,
    *,
    wide: bool = False,
) -> None:
    """The figure with its finding as alt text and caption, and its numbers in a table below.

    With `on_select` a mark can be clicked, and that is told what Streamlit says of it. A wide one
    is scrolled sideways where the window is narrow.
    """
    inked(figure, INK["dark" if st.context.theme.type == "dark" else "light"])
    chart: dict[str, Any] = {"theme": "streamlit", "config": CONFIG, "key": key, "alt": words}
    with st.container(key=f"wide.{key}") if wide else nullcontext():  # theme.css keeps its width
        if on_select is None:
            st.plotly_chart(figure, **chart)
        else:
            told = on_select
            st.plotly_chart(
                figure, **chart, selection_mode="points",
                on_select=lambda: told(st.session_state[key]),
            )  # fmt: skip
    st.caption(plain_markdown(words))
    numbers({f"{key}.{name}": view for name, view in tables.items()})


def inked(figure: go.Figure, ink: str) -> None:
    """Every text in one color; what has a color of its own keeps it."""
    font = {"color": ink}
    axis = {"tickfont": font, "title": {"font": font}}
    figure.update_layout(font=font, legend={"font": font, "title": {"font": font}})
    figure.update_xaxes(axis)
    figure.update_yaxes(axis)
    if any("scene" in trace for trace in figure.data):  # else it takes 20 ms for nothing
        figure.update_scenes(xaxis=axis, yaxis=axis, zaxis=axis)
    if figure.layout.coloraxis.to_plotly_json():
        figure.update_coloraxes(colorbar=axis)
    for note in figure.layout.annotations:
        note.font.color = note.font.color or ink


def plain_markdown(text: str) -> str:
    """The text with everything that Markdown would read as a sign made a plain character."""
    signs = "".join(f"\\{sign}" if sign in "\\`*_{}[]()<>#+-!|~$:^" else sign for sign in text)
    return re.sub(r"^(\s*\d+)\.", r"\1\\.", signs, flags=re.MULTILINE)  # no list begins


# ---------------------------------------------------------------- small parts


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


def ramp() -> list[tuple[float, str]]:
    """The ramp of unsigned numbers as Plotly takes it."""
    at = np.linspace(0, 255, STOPS).round().astype(int)
    return [(float(k / 255), "rgb({},{},{})".format(*SEQUENTIAL[k])) for k in at]


def filled(values: Floats) -> Floats:
    """The values, zero where none is known in a whole row, so that a lowest one can be had."""
    return np.where(np.isfinite(values).any(axis=-1, keepdims=True), values, np.float32(0))


def number(value: float) -> str:
    """A probability in a hover text."""
    return f"{value:.2f}" if np.isfinite(value) else "no value"


def wrapped(label: str) -> str:
    """A label over at most two lines, as text that Plotly does not read as HTML."""
    lines = textwrap.wrap(label, WRAP, max_lines=2, placeholder=" …") or [""]
    return "<br>".join(escape(line) for line in lines)
