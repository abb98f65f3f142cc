"""Charts of the Ask view: pairs of bars, a curve, a strip of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from components.charts import plots
from components.charts.style import COLORS, GRAY, INK, MARGINS, theme
from engine.result import Table

ROW = 34  # px
PALE = {  # the theme's ink is read on all of it
    "light": [[0, "#f4f7fa"], [1, "#6fb1e8"]],
    "dark": [[0, "#1c252b"], [1, "#1f5f96"]],
}
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Side:
    """One of two bars beside a name: what it is, its values and their unit."""

    title: str
    values: Floats
    unit: str


def pairs(names: Sequence[str], left: Side, right: Side, words: str, key: str) -> None:
    """Two bars for each name, on scales of their own, with their numbers as a table."""
    figure = make_subplots(
        1, 2, shared_yaxes=True, horizontal_spacing=0.06,
        subplot_titles=(f"<b>{left.title}</b>", f"<b>{right.title}</b>"),
    )  # fmt: skip
    for column, (side, color) in enumerate(
        zip((left, right), COLORS[theme()], strict=False), start=1
    ):
        figure.add_trace(bars(names, side, color), row=1, col=column)
        figure.update_xaxes(
            title_text=side.unit, range=reach(side), zeroline=True, zerolinewidth=2,
            fixedrange=True, row=1, col=column,
        )  # fmt: skip
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    figure.update_layout(
        height=120 + ROW * len(names), showlegend=False, bargap=0.35,
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
    )  # fmt: skip
    values = np.stack([left.values, right.values], 1)
    table = Table(values, tuple(names), (left.title, right.title), (left.unit, right.unit))
    plots.with_table(figure, words, {"numbers": table}, key)


def bars(names: Sequence[str], side: Side, color: str) -> go.Bar:
    """One side's bars with their numbers."""
    return go.Bar(
        y=list(names), x=side.values, orientation="h", marker={"color": color},
        text=[whole(value) for value in side.values],
        textposition="outside", cliponaxis=False,
        hovertemplate="%{y}: %{text}<extra></extra>",
    )  # fmt: skip


def whole(value: float) -> str:
    """Without digits, and nothing without a sign."""
    return f"{value:z.0f}".replace("-", "−")


def reach(side: Side) -> list[float]:
    """The ends of a side's scale, with room for the numbers."""
    low, high = min(0.0, float(side.values.min())), max(10.0, float(side.values.max()))
    room = 0.25 * (high - low)
    return [low - room if low < 0 else 0.0, high + room]


def curve(
    x: Floats, y: Floats, here: tuple[float, float], x_title: str, words: str, key: str
) -> None:
    """A probability along a setting, with the point where the image stands now."""
    blue, orange, _ = COLORS[theme()]
    line = go.Scatter(x=x, y=y, mode="lines+markers", line={"color": blue, "width": 3})
    now = go.Scatter(
        x=[here[0]], y=[here[1]], mode="markers+text", text=["this image"],
        textposition="top left", marker={"size": 15, "symbol": "diamond", "color": orange},
    )  # fmt: skip
    figure = go.Figure([line, now])
    figure.add_hline(0.5, line={"dash": "dot", "width": 1, "color": GRAY})
    figure.update_xaxes(title_text=x_title, range=[-0.03, 1.06], fixedrange=True)
    figure.update_yaxes(title_text="probability of the word", range=[0, 1.12], fixedrange=True)
    figure.update_layout(height=330, showlegend=False, margin=MARGINS)
    values = np.stack([x, y], 1)
    rows = tuple(f"step {at + 1}" for at in range(len(x)))
    table = Table(values, rows, (x_title, "probability"), ("", "probability"))
    plots.with_table(figure, words, {"numbers": table}, key)


def strip(
    rows: Sequence[str], columns: Sequence[str], values: Floats, words: str, key: str
) -> None:
    """Probabilities of words in every picture, blue for likely, each with its number."""
    survives = values >= values[:1] / 2
    texts = [
        [f"{value:.2f}{' ✓' if ok and at else ''}" for value, ok in zip(row, oks, strict=True)]
        for at, (row, oks) in enumerate(zip(values, survives, strict=True))
    ]
    figure = go.Figure(
        go.Heatmap(
            z=values, x=list(columns), y=list(rows), zmin=0, zmax=1, colorscale=PALE[theme()],
            text=texts, texttemplate="%{text}", xgap=2, ygap=2,
            textfont={"size": 13, "color": INK[theme()]},
            colorbar={"title": "probability"},
            hovertemplate="%{x} in %{y}: %{z:.3f}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    figure.update_xaxes(side="top", fixedrange=True)
    figure.update_layout(height=90 + ROW * len(rows), margin=MARGINS)
    table = Table(values, tuple(rows), tuple(columns), ("probability",) * len(columns))
    plots.with_table(figure, words, {"numbers": table}, key)
