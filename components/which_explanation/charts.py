"""Matrices of explainers against explainers, drawn by Plotly."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from components.charts.style import GRAY, MARGINS, STOPS, ramp, theme
from components.charts.tables import signed
from components.colors import DIVERGING_DARK, DIVERGING_LIGHT
from components.widgets.viewer import said
from engine.result import Floats, Table

DECADES = 3  # of the loss of saying nothing, to either side
FLOOR = 1e-12
SHORT = {  # so that eight names fit beside and below a matrix
    "Integrated gradients": "Integrated g.",
    "Gradient × input": "Gradient × in.",
}
TALL = 440  # px


def loss_figure(losses: Table, still: Floats) -> go.Figure:
    """Losses as multiples of the loss of saying that nothing changes, over decades."""
    base = np.maximum(still.astype(np.float64), FLOOR)
    times = np.log10(np.maximum(losses.values / base, 10.0**-DECADES)).clip(-DECADES, DECADES)
    best = losses.values.argmin(0)
    texts = [
        [f"★ {short(value)}" if best[c] == r else short(value) for c, value in enumerate(row)]
        for r, row in enumerate(losses.values)
    ]
    hovers = [
        [
            f"{name}, {column}<br>loss {said(float(value))} {losses.units[0]}<br>"
            f"{said(float(value / base[c]))} × that of saying that nothing changes"
            for c, (column, value) in enumerate(zip(losses.columns, row, strict=True))
        ]
        for name, row in zip(losses.rows, losses.values, strict=True)
    ]
    bar = {
        "title": {"text": "× “nothing changes”", "side": "top"},
        "tickvals": [-DECADES, 0, DECADES],
        "ticktext": [f"≤{10.0**-DECADES:g}", "1", f"≥{10**DECADES}"],
        "orientation": "h", "y": 1.02, "yanchor": "bottom", "thickness": 12, "len": 0.9,
    }  # fmt: skip
    figure = matrix(times, losses, texts, hovers)
    figure.update_layout(
        coloraxis={"cmin": -DECADES, "cmax": DECADES, "colorscale": diverging(), "colorbar": bar}
    )
    figure.update_xaxes(title_text="tried where … looks")
    return figure


def agreement_figure(view: Table, low: float) -> go.Figure:
    """Agreement of every two, from `low` to 1."""
    texts = [[signed(value) for value in row] for row in view.values]
    hovers = [
        [
            f"{name} and {other}: {signed(value)}"
            for other, value in zip(view.columns, row, strict=True)
        ]
        for name, row in zip(view.rows, view.values, strict=True)
    ]
    figure = matrix(view.values, view, texts, hovers)
    scale = diverging() if low < 0 else ramp()
    bar = {
        "title": {"text": view.units[0], "side": "top"}, "orientation": "h", "y": 1.02,
        "yanchor": "bottom", "thickness": 12, "len": 0.9,
    }  # fmt: skip
    figure.update_layout(coloraxis={"cmin": low, "cmax": 1, "colorscale": scale, "colorbar": bar})
    return figure


def matrix(
    values: Floats, view: Table, texts: list[list[str]], hovers: list[list[str]]
) -> go.Figure:
    """Colored squares with a number each, the first row on top."""
    columns = [shortened(name.removeprefix("in ").removesuffix("'s")) for name in view.columns]
    trace: dict[str, Any] = {
        "z": values, "x": columns, "y": [shortened(name) for name in view.rows],
        "text": texts, "texttemplate": "%{text}", "textfont": {"size": 11},
        "hovertext": hovers, "hoverinfo": "text", "coloraxis": "coloraxis", "xgap": 1, "ygap": 1,
    }  # fmt: skip
    figure = go.Figure(go.Heatmap(**trace))
    figure.update_layout(height=TALL, margin=MARGINS)
    figure.update_xaxes(tickangle=-40, fixedrange=True, showgrid=False, linecolor=GRAY)
    figure.update_yaxes(autorange="reversed", fixedrange=True, showgrid=False)
    return figure


def short(value: float) -> str:
    """A loss in few letters."""
    value = float(value)
    if value and (value < 1e-2 or value >= 1e4):
        return f"{value:.0e}".replace("e-0", "e−").replace("e+0", "e").replace("e-", "e−")
    return said(value)


def shortened(name: str) -> str:
    """A name that fits."""
    return SHORT.get(name, name)


def diverging() -> list[tuple[float, str]]:
    """Signed numbers: zero recedes into the page."""
    shades = DIVERGING_DARK if theme() == "dark" else DIVERGING_LIGHT
    at = np.linspace(0, 255, STOPS).round().astype(int)
    return [(float(k / 255), "rgb({},{},{})".format(*shades[k])) for k in at]
