"""The plane of level sets: the walk and the straight line over the probability around them."""

from __future__ import annotations

from html import escape
from typing import Any, cast

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from components.charts.plots import with_table
from components.charts.style import GRAY, MARGINS, number, scale
from components.draw.fields import FieldChart, field_table
from engine.result import Array, Field, Floats, Points, Result, Table


def plane(result: Result, key: str) -> None:
    """The walk and the straight line over the probability everywhere in their plane."""
    field, walk, line = (cast(Any, result[name]) for name in ("field", "walk", "line"))
    tables = {
        "walk": points_table(walk),
        "line": points_table(line),
        "field": field_table(field, FieldChart()),
    }
    with_table(plane_figure(field, walk, line), plane_words(walk, line), tables, key)


def plane_figure(field: Field, walk: Points, line: Points) -> go.Figure:
    """Above the plane with both ways, below the probability along them, over the same axis."""
    figure = make_subplots(rows=2, shared_xaxes=True, row_heights=(0.5, 0.5), vertical_spacing=0.06)
    filled_in = go.Contour(
        x=field.x,
        y=field.y,
        z=field.values,
        coloraxis="coloraxis",
        contours={"coloring": "heatmap", "start": 0.5, "end": 0.5, "size": 1},
        line={"color": "#fff", "width": 1},
        hovertemplate="in the plane: %{z:.2f}<extra></extra>",
    )
    above = [
        filled_in,
        *(way(line.places, wide, shade) for wide, shade in ((5, "#000"), (2.5, "#b8b8b8"))),
        *(way(walk.places, wide, shade) for wide, shade in ((5.5, "#000"), (3, "#fff"))),
        stops(line, line.places, "straight line", 1),
        stops(walk, walk.places, "walk", 9),
    ]
    across, along = profile(line), profile(walk)
    below = [
        way(across, 3, GRAY),
        way(along, 3, GRAY),
        stops(line, across, "straight line", 5, "square"),
        stops(walk, along, "walk", 11),
    ]
    figure.add_traces(above, rows=[1] * len(above), cols=[1] * len(above))
    figure.add_traces(below, rows=[2] * len(below), cols=[1] * len(below))
    for x, words in ((0.0, "source"), (1.0, "target")):
        figure.add_annotation(
            x=x, y=0, text=f"<b>{words}</b>", yshift=-18, showarrow=False, borderpad=2,
            font={"color": "#fff"}, bgcolor="rgba(0,0,0,0.75)", row=1, col=1,
        )  # fmt: skip
    for one, words, above_it in ((walk, "walk", 16), (line, "straight line", -14)):
        at = len(one.values) * 3 // 4
        x, y = profile(one)[at]
        figure.add_annotation(x=x, y=y, text=words, yshift=-above_it, showarrow=False, row=2, col=1)
    figure.update_xaxes(edges(field.x), fixedrange=True)
    figure.update_xaxes(title_text="way from source to target", row=2)
    figure.update_yaxes(fixedrange=True)
    figure.update_yaxes(edges(field.y), title_text="beside the line", row=1)
    figure.update_yaxes(title_text=escape(field.unit), range=[-0.05, 1.08], row=2)
    figure.update_layout(
        coloraxis=scale(field.unit, across=True, below=-0.2),
        showlegend=False,
        height=640,
        margin=MARGINS,
    )
    return figure


def profile(points: Points) -> Floats:
    """The share of the way and the value, (n, 2)."""
    return np.column_stack([points.places[:, 0], points.values])


def way(places: Floats, width: float, shade: str) -> go.Scatter:
    """A plain line through places."""
    x, y = places.T
    line = {"width": width, "color": shade}
    return go.Scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip")


def stops(
    points: Points, places: Floats, name: str, size: int, symbol: str = "circle"
) -> go.Scatter:
    """Images on a way, each in the color of its own probability."""
    edge = {"width": 1.25 if size > 1 else 0, "color": "#000"}
    look = {"size": size, "symbol": symbol, "line": edge}
    texts = [f"{name}, point {at}: {number(v)}" for at, v in enumerate(points.values)]
    x, y = places.T
    return go.Scatter(
        x=x,
        y=y,
        mode="markers",
        marker=look | {"color": points.values, "coloraxis": "coloraxis"},
        hovertext=texts,
        hoverinfo="text",
    )


def plane_words(walk: Points, line: Points) -> str:
    """The lowest probability on the walk and on the straight line, and how far they part."""
    walked, straight = float(np.nanmin(walk.values)), float(np.nanmin(line.values))
    bend = 100 * float(np.abs(walk.places[:, 1]).max())
    return (
        f"Along the walk the probability is nowhere below {walked:.2f}; along the straight line "
        f"to the target it falls to {straight:.2f}. In this plane the two part by at most "
        f"{bend:.2g} % of the way; the upright axis is stretched. The ground is the plane; the "
        "walk's images lie a little beside it, so that a bright point may stand on dark ground."
    )


def points_table(points: Points) -> Table:
    """A row for each point: where it is, and its value."""
    values = np.column_stack([points.places, points.values])
    rows = tuple(f"point {at}" for at in range(len(values)))
    return Table(values, rows, (points.x_label, points.y_label, "value"), ("", "", points.unit))


def edges(places: Array) -> dict[str, Any]:
    """The range of an axis that ends where the places do."""
    return {"range": [float(places[0]), float(places[-1])]}
