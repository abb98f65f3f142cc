"""The tube of level sets: how far beside the walk the probability still holds."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components.charts.finished import finished_figure
from components.charts.plots import with_table
from components.charts.style import fill_unknown, scale
from components.draw.drawing import draw
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.charts.style import GRAY, MARGINS
from engine.core.result import Curve, Field, Table

SURFACE, LINES = "Surface", "Lines"


def tube(result: Views, key: str) -> None:
    look = st.segmented_control(
        "Show as", [SURFACE, LINES], default=SURFACE, required=True, key=f"{key}.look"
    )
    if look == LINES:
        draw(FLAT, result, f"{key}.{LINES}")
    else:
        tables = {
            "low": rows_table(result["low"], "5 %"),
            "high": rows_table(result["high"], "95 %"),
        }
        figure = finished_figure(tube_surface, result["low"], result["confidence"])
        with_table(figure, tube_words(result), tables, key=f"{key}.{SURFACE}")


def tube_surface(low: Field, confidence: Curve) -> go.Figure:
    distances = np.concatenate([-low.y[::-1], [0], low.y])
    heights = np.concatenate([low.values[::-1], confidence.y[None], low.values])
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
    middle = np.zeros_like(confidence.x)
    line = {"width": 7, "color": "#000"}
    figure.add_trace(
        go.Scatter3d(
            x=confidence.x,
            y=middle,
            z=confidence.y + 0.01,
            mode="lines",
            line=line,
            hoverinfo="skip",
        )
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


def by_step(result: Views) -> Table:
    low, confidence = result["low"], result["confidence"]
    columns: dict[str, Any] = {"step": (low.x, ""), "on the walk": (confidence.y, low.unit)}
    rows = zip(low.y, low.values, strict=True)
    return Table.of(columns | {f"at {y:g}": (row, low.unit) for y, row in rows})


def lines(result: Views) -> Lines:
    names = by_step(result).order[1:]
    return Lines(
        x="step",
        series={name: name for name in names},
        title="probability, 5 % quantile",
        span=(-0.02, 1.04),
        height=400,
    )


def tube_words(result: Views) -> str:
    low = result["low"]
    return (
        f"{sentence(result)} That is at distance {low.y[0]:g} and {low.y[-1]:g}, at every step "
        "looked at. Where the walk itself was below its bound, there is no tube. A random "
        "direction says little about the worst one."
    )


def sentence(result: Views) -> str:
    low = result["low"]
    near, far = (float(np.nanmin(fill_unknown(low.values[at]))) for at in (0, -1))
    return (
        f"On the walk the probability is at least {float(np.nanmin(result['confidence'].y)):.2f}. "
        f"Beside it, 19 of 20 random directions stay above {near:.2f} at distance {low.y[0]:g} and "
        f"above {far:.2f} at distance {low.y[-1]:g}."
    )


def rows_table(field: Field, name: str) -> Table:
    rows = tuple(f"{name} quantile at distance {y:g}" for y in field.y)
    columns = tuple(f"step {x:g}" for x in field.x)
    return Table.grid(field.values, rows, columns, (field.unit,) * len(columns))


FLAT = Drawing("low", "", lines, tube_words, made=by_step)
