"""Insertion and deletion over the share of the image, with the band of random orders."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from components.charts.style import COLORS, GRAY, MARGINS, theme
from engine.result import Table
from engine.run import Answer

NAMES = ("insertion", "deletion")
BAND = "rgba(128, 128, 128, 0.28)"


def figure(answer: Answer, band: Answer | None, step: int) -> go.Figure:
    """Insertion above, deletion below, over one axis; a line stands at the step."""
    made = make_subplots(
        rows=2, shared_xaxes=True, vertical_spacing=0.2,
        subplot_titles=[heading(answer, band, place) for place in range(2)],
    )  # fmt: skip
    colors = COLORS[theme()]
    for place, name in enumerate(NAMES):
        row = {"row": place + 1, "col": 1}
        if band is not None:
            for trace in banded(band, name, shown=place == 0):
                made.add_trace(trace, **row)
        made.add_trace(line(answer[name], colors[0], "solid", shown=place == 0), **row)
        first = answer[f"{name} of the first class"]
        if first.y_label != answer[name].y_label:
            made.add_trace(line(first, colors[1], "dash", shown=place == 0), **row)
        made.add_vline(float(answer[name].x[step]), line={"color": GRAY, "width": 2}, **row)
    made.update_xaxes(range=[0, 1], fixedrange=True, tickformat=".0%")
    made.update_xaxes(title_text="share of the image", row=2)
    made.update_yaxes(range=[-0.03, 1.03], fixedrange=True, title_text="probability")
    made.update_annotations(font_size=13)
    made.update_layout(
        height=520, margin=MARGINS | {"t": 80}, hovermode="x unified",
        legend={"orientation": "h", "y": 1.13, "yanchor": "bottom", "x": 0},
    )  # fmt: skip
    return made


def heading(answer: Answer, band: Answer | None, place: int) -> str:
    """A curve's name with the area under it, and what random orders give."""
    name = ("Only these shown (insertion)", "These hidden (deletion)")[place]
    told = f"{name}<br>area {answer['areas'].values[place]:.3f}"
    if band is not None:
        areas = band["areas"][NAMES[place]]
        told += f"; random {areas.min():.3f} to {areas.max():.3f}"
    return told


def line(curve: Any, color: str, dash: str, *, shown: bool) -> go.Scatter:
    """One class's probability."""
    return go.Scatter(
        x=curve.x, y=curve.y, name=curve.y_label, mode="lines", showlegend=shown,
        line={"color": color, "dash": dash, "width": 2.5},
        hovertemplate=f"{curve.y_label}: %{{y:.3f}}<extra></extra>",
    )  # fmt: skip


def banded(band: Answer, name: str, *, shown: bool) -> tuple[go.Scatter, go.Scatter]:
    """From the lowest to the highest of the random orders."""
    low, high = band[f"{name} low"], band[f"{name} high"]
    edge = {"width": 0}
    return (
        go.Scatter(
            x=low.x, y=low.y, mode="lines", line=edge, showlegend=False, hoverinfo="skip"
        ),
        go.Scatter(
            x=high.x, y=high.y, mode="lines", line=edge, fill="tonexty", fillcolor=BAND,
            name="random order", showlegend=shown, hoverinfo="skip",
        ),
    )  # fmt: skip


def words(answer: Answer, band: Answer | None) -> str:
    """The finding: the areas, and whether they leave what random orders give."""
    inserted, deleted = (float(value) for value in answer["areas"].values)
    told = (
        f"Area under insertion {inserted:.3f} (high is good), under deletion {deleted:.3f} (low is "
        "good)."
    )
    if band is None:
        return told
    areas = band["areas"]
    above, below = inserted > areas["insertion"].max(), deleted < areas["deletion"].min()
    count = len(areas)
    if above and below:
        return told + f" Both are better than all of {count} random orders of the same regions."
    if above or below:
        better = "insertion" if above else "deletion"
        return told + f" Only {better} is better than all of {count} random orders."
    return told + f" Neither is better than all of {count} random orders: this order says little."


def tables(answer: Answer, band: Answer | None) -> dict[str, Table]:
    """The numbers: a row for each step; and the areas of the random orders."""
    first = answer["insertion of the first class"]
    curves = [answer["insertion"], answer["deletion"]]
    heads = ["with only these", "without these"]
    if first.y_label != curves[0].y_label:
        curves += [first, answer["deletion of the first class"]]
        heads += [f"{first.y_label} with only these", f"{first.y_label} without these"]
    values = np.column_stack([curves[0].x, *(curve.y for curve in curves)]).astype(np.float32)
    rows = tuple(f"{step} regions" for step in range(len(values)))
    units = ("share", *["probability"] * len(curves))
    found = {"steps": Table(values, rows, ("share of the image", *heads), units)}
    if band is not None:
        areas = band["areas"]
        held = np.column_stack([areas[name] for name in NAMES]).astype(np.float32)
        found["random"] = Table(held, areas.rows, NAMES, ("probability",) * 2)
    return found
