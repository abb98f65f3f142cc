"""Two charts of the study: cost against faithfulness, and how little the label matters."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import plotly.graph_objects as go

from components import charts
from components.charts import GRAY
from components.columns import as_table
from components.familiar_charts import COLORS, laid, theme
from components.study_choose import KEY
from components.study_table import named
from engine.attribution.study.measure import RANDOM
from engine.result import Columns, Table

HEIGHT, APART = 420, 0.055  # px; of the height between two names
INSENSITIVE = 0.9  # a cosine from which maps of two labels are nearly one


def methods(table: Columns) -> list[str]:
    """The rows that are methods with figures."""
    return [row for row in table.rows if row != RANDOM and table.cell(row, "maps") > 0]


def cost(table: Columns) -> None:
    """Score left against images through the network."""
    rows = [row for row in methods(table) if np.isfinite(table.cell(row, "AUC-MoRF"))]
    if not rows:
        return
    numbers = as_table(table, ("passes", "seconds", "AUC-MoRF"), [named(r) for r in table.rows])
    charts.with_table(cost_figure(table, rows), cost_words(table, rows), {"cost": numbers},
                      f"{KEY}.cost")  # fmt: skip


def cost_figure(table: Columns, rows: list[str]) -> go.Figure:
    """A point for each method, with its name beside it."""
    x = np.array([max(table.cell(row, "passes"), 1) for row in rows])
    y = np.array([table.cell(row, "AUC-MoRF") for row in rows])
    chance = table.cell(RANDOM, "AUC-MoRF")
    low, high = min(y.min(), 0.0), max(y.max(), chance if np.isfinite(chance) else 0)
    room = 0.08 * (high - low)
    figure = go.Figure()
    figure.add_scatter(
        x=x, y=y, mode="markers", marker={"size": 12, "color": COLORS[theme()][0]},
        hovertext=[f"{named(r)}: {a:.0f} images, {b:.2f}" for r, a, b in zip(rows, x, y,
                   strict=True)], hoverinfo="text", showlegend=False,
    )  # fmt: skip
    for at, place in enumerate(places(x, y, APART * (high - low + 2 * room))):
        figure.add_annotation(
            x=np.log10(x[at]), y=place, text=named(rows[at]), showarrow=False, xanchor="left",
            xshift=12,
        )  # fmt: skip
    if np.isfinite(chance):
        figure.add_hline(
            y=chance, line={"color": GRAY, "dash": "dash"}, annotation_text="random order",
            annotation_position="top right",
        )  # fmt: skip
    figure.update_xaxes(
        type="log", title="images through the network for one map", range=[-0.15, 3.1],
        tickvals=[1, 2, 5, 10, 20, 50, 100, 200, 500],
    )  # fmt: skip
    figure.update_yaxes(title="score left (AUC-MoRF), low is good", range=[low - room, high + room])
    return laid(figure, HEIGHT)


def places(x: np.ndarray, y: np.ndarray, apart: float) -> np.ndarray:
    """Heights of names so that those of neighboring points do not lie on each other."""
    found = y.astype(float).copy()
    cheap = np.log10(x) < 0.6
    for group in (np.flatnonzero(cheap), np.flatnonzero(~cheap)):
        order = group[np.argsort(y[group])]
        for below, above in pairwise(order):
            found[above] = max(found[above], found[below] + apart)
    return found


def cost_words(table: Columns, rows: list[str]) -> str:
    """The most faithful, and what the cheapest near it costs."""
    first = min(rows, key=lambda row: table.cell(row, "AUC-MoRF"))
    least, own = table.cell(first, "AUC-MoRF"), table.cell(first, "passes")
    near = [row for row in rows if table.cell(row, "AUC-MoRF") <= least + 0.05]
    cheap = min(near, key=lambda row: table.cell(row, "passes"))
    told = f"{named(first)} lets the score fall soonest ({least:.2f}) at {images(own)} a map"
    if cheap != first:
        value, passes = table.cell(cheap, "AUC-MoRF"), table.cell(cheap, "passes")
        told += f"; {named(cheap)} comes near it ({value:.2f}) at {images(passes)}"
    return f"{told}. A random order leaves {table.cell(RANDOM, 'AUC-MoRF'):.2f}."


def images(count: float) -> str:
    """So many images."""
    return "1 image" if round(count) == 1 else f"{count:.0f} images"


def likeness(table: Columns) -> None:
    """The cosine of maps for different labels, a bar for each method."""
    rows = [row for row in methods(table) if np.isfinite(table.cell(row, "cross-label cosine"))]
    if not rows:
        return
    rows.sort(key=lambda row: table.cell(row, "cross-label cosine"))
    values = [table.cell(row, "cross-label cosine") for row in rows]
    color = COLORS[theme()]
    figure = go.Figure(
        go.Bar(
            y=[named(row) for row in rows], x=values, orientation="h",
            text=[f"{value:.2f}".replace("-", "−") for value in values], textposition="outside",
            marker={"color": [color[value >= INSENSITIVE] for value in values]},
        )
    )  # fmt: skip
    figure.update_xaxes(title="cosine between the maps of two labels", range=[-1.05, 1.15])
    held = np.array(values, np.float32)[:, None]
    twin = Table(held, tuple(named(row) for row in rows), ("cosine",), ("cosine",))
    charts.with_table(
        laid(figure, 60 + 34 * len(rows)), likeness_words(table, rows), {"cosine": twin},
        f"{KEY}.likeness",
    )  # fmt: skip


def likeness_words(table: Columns, rows: list[str]) -> str:
    """Which methods paint the same whatever is asked."""
    same = [row for row in rows if table.cell(row, "cross-label cosine") >= INSENSITIVE]
    most = rows[-1]
    value = table.cell(most, "cross-label cosine")
    told = (
        f"{' and '.join(named(row) for row in same)}: nearly the same map whatever is asked."
        if same
        else f"No method paints the same for every label; {named(most)} comes nearest to it "
        f"({value:.2f})."
    )
    return told + " Maps without negative values are always somewhat alike."
