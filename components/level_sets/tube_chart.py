"""The tube of level sets: how far beside the walk the probability still holds."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components.charts.plots import with_table
from components.charts.style import DASHES, GRAY, MARGINS, SYMBOLS, filled, scale
from engine.result import Curve, Field, Result, Table

SURFACE, LINES = "Surface", "Lines"


def tube(result: Result, key: str) -> None:
    """The probability beside the walk, as a surface or, flat, as a line for each distance."""
    low, high, held = (cast(Any, result[name]) for name in ("low", "high", "confidence"))
    look = st.segmented_control(
        "Show as", [SURFACE, LINES], default=SURFACE, required=True, key=f"{key}.look"
    )
    figure = tube_surface(low, held) if look == SURFACE else tube_lines(low, held)
    tables = {"low": rows_table(low, "5 %"), "high": rows_table(high, "95 %")}
    with_table(figure, tube_words(low, held), tables, key=f"{key}.{look}")


def tube_surface(low: Field, held: Curve) -> go.Figure:
    """Step by distance, mirrored, by the 5 % quantile; the walk itself runs along the middle."""
    distances = np.concatenate([-low.y[::-1], [0], low.y])
    heights = np.concatenate([low.values[::-1], held.y[None], low.values])
    figure = go.Figure(
        go.Surface(
            x=low.x,
            y=distances,
            z=heights,
            coloraxis="coloraxis",
            hovertemplate="step %{x}, distance %{y}: %{z:.2f}<extra></extra>",
            contours={"x": {"show": True, "color": GRAY, "start": 0, "end": float(low.x[-1])}},
        )
    )
    middle = np.zeros_like(held.x)
    line = {"width": 7, "color": "#000"}
    figure.add_trace(
        go.Scatter3d(x=held.x, y=middle, z=held.y + 0.01, mode="lines", line=line, hoverinfo="skip")
    )
    ranged = {"range": [0, 1.02], "title": {"text": "5 % quantile"}}
    figure.update_layout(
        coloraxis=scale(low.unit, across=True),
        scene={
            "xaxis": {"title": {"text": "step"}},
            "yaxis": {"title": {"text": "distance (L2)"}},
            "zaxis": ranged,
            "aspectratio": {"x": 1.3, "y": 1, "z": 0.7},
            "camera": {"eye": {"x": 1.4, "y": -1.75, "z": 0.85}},
        },
        showlegend=False,
        height=460,
        margin=MARGINS,
    )
    return figure


def tube_lines(low: Field, held: Curve) -> go.Figure:
    """A line for each distance; dashes and marks tell them apart as well as colors."""
    figure = go.Figure()
    rows = [("on the walk", held.y), *((f"at {y:g}", row) for y, row in zip(low.y, low.values))]  # noqa: B905
    for at, (name, values) in enumerate(rows):
        look = at % len(DASHES)
        figure.add_trace(
            go.Scatter(
                x=low.x,
                y=values,
                name=name,
                mode="lines+markers",
                line={"dash": DASHES[look], "width": 2.5},
                marker={"symbol": SYMBOLS[look], "size": 9},
                hovertemplate=f"{name}, step %{{x}}: %{{y:.2f}}<extra></extra>",
            )
        )
    figure.update_layout(
        xaxis={"title": {"text": "step"}, "fixedrange": True},
        yaxis={
            "title": {"text": "probability, 5 % quantile"},
            "range": [-0.02, 1.04],
            "fixedrange": True,
        },
        legend={
            "title": {"text": "distance (L2)"},
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
        },
        height=400,
        margin=MARGINS,
    )
    return figure


def tube_words(low: Field, held: Curve) -> str:
    """The lowest of the walk, and beside it at the least and the largest distance."""
    near, far = (float(np.nanmin(filled(low.values[at]))) for at in (0, -1))
    return (
        f"On the walk the probability is at least {float(np.nanmin(held.y)):.2f}. Beside it, 19 of "
        f"20 random directions stay above {near:.2f} at distance {low.y[0]:g} and above {far:.2f} "
        f"at distance {low.y[-1]:g}, at every step looked at. Where the walk itself was below its "
        "bound, there is no tube. A random direction says little about the worst one."
    )


def rows_table(field: Field, name: str) -> Table:
    """A row for each distance, a column for each step."""
    rows = tuple(f"{name} quantile at distance {y:g}" for y in field.y)
    columns = tuple(f"step {x:g}" for x in field.x)
    return Table(field.values, rows, columns, (field.unit,) * len(columns))
