"""Charts of what is lost: classes, calibration, worse images, and heat maps that drift."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from components.charts.style import COLORS, GRAY, laid, on_bars, theme, wrapped
from engine.result import Table

MOST_CLASSES = 12


def classes(table: Table, floor: Table | None = None) -> go.Figure:
    """The classes that pay first: the change of their share of right answers.

    Args:
        table: the classes of `Harm`.
        floor: the classes of `Seeds`; their range over other dense networks is drawn in gray.
    """
    order = np.argsort(table.values[:, 3], kind="stable")
    order = order[table.values[order, 3] != 0][:MOST_CLASSES][::-1]
    change = 100 * table.values[order, 3]
    names = [wrapped(table.rows[at]) for at in order]
    texts = [
        f"{100 * table.values[at, 1]:.0f} → {100 * table.values[at, 2]:.0f} % of "
        f"{table.values[at, 0]:.0f}"
        for at in order
    ]
    figure = go.Figure()
    if floor is not None:
        add_floor(figure, floor, [table.rows[at] for at in order])
    figure.add_bar(
        y=names, x=change, orientation="h", text=texts, textposition="auto", name="pruned",
        insidetextfont={"color": on_bars()}, marker={"color": COLORS[theme()][1]}, width=0.5,
    )  # fmt: skip
    figure.update_yaxes(type="category")
    figure.update_xaxes(title="change (points)")
    figure.update_layout(barmode="overlay", showlegend=floor is not None)
    return laid(figure, 90 + 30 * len(names))


def add_floor(figure: go.Figure, floor: Table, names: Sequence[str]) -> None:
    """A gray band behind each class: from the lowest to the highest other dense network."""
    ends = dict(zip(floor.rows, 100 * floor.values[:, 3:5], strict=True))
    low, high = np.array([ends.get(name, (np.nan, np.nan)) for name in names]).reshape(-1, 2).T
    figure.add_bar(
        y=[wrapped(name) for name in names], x=high - low, base=low, orientation="h", width=0.9,
        name="dense, other seeds", marker={"color": GRAY, "opacity": 0.5},
    )  # fmt: skip


def reliability(dense: Table, pruned: Table) -> go.Figure:
    """Right answers over confidence; on the dotted line a model is as sure as it is right."""
    color = COLORS[theme()]
    figure = go.Figure()
    even = {"color": GRAY, "dash": "dot", "width": 2}
    figure.add_scatter(x=[0, 100], y=[0, 100], mode="lines", line=even, name="as sure as right")
    rows = ((dense, "whole model", color[0], "circle"), (pruned, "pruned", color[1], "square"))
    for table, name, ink, symbol in rows:
        seen = table.values[:, 2] > 0
        counts = table.values[seen, 2]
        figure.add_scatter(
            x=100 * table.values[seen, 3], y=100 * table.values[seen, 4], name=name,
            mode="lines+markers", line={"color": ink, "width": 2},
            marker={"symbol": symbol, "size": 7 + 15 * np.sqrt(counts / counts.max())},
            hovertext=[f"{count:.0f} images" for count in counts],
        )  # fmt: skip
    figure.update_xaxes(title="confidence (%)", range=[-2, 102])
    figure.update_yaxes(title="right (%)", range=[-2, 102])
    return laid(figure, 340)


def corruptions(table: Table) -> go.Figure:
    """How much more the pruned model loses on worse images, with the 95 % interval."""
    change, low, high = (100 * table.values[:, at] for at in (3, 4, 5))
    figure = go.Figure(
        go.Scatter(
            x=change[::-1], y=table.rows[::-1], mode="markers",
            marker={"color": COLORS[theme()][1], "size": 9},
            error_x={
                "array": (high - change)[::-1], "arrayminus": (change - low)[::-1],
                "symmetric": False,
            },
        )
    )  # fmt: skip
    figure.add_vline(x=0, line={"color": GRAY, "width": 2})
    figure.update_xaxes(title="pruned − whole model (points)")
    return laid(figure, 80 + 22 * len(table.rows))


def drift(table: Table, names: Sequence[str]) -> go.Figure:
    """Each image: how much of the order of its heat map is left, and how its confidence moved."""
    change = 100 * (table.values[:, 4] - table.values[:, 3])
    figure = go.Figure(
        go.Scatter(
            x=table.values[:, 1], y=change, mode="markers", hovertext=list(names),
            marker={"color": COLORS[theme()][0], "size": 9},
        )
    )  # fmt: skip
    figure.add_hline(y=0, line={"color": GRAY, "width": 1})
    figure.update_xaxes(title="rank correlation of the maps (1: the same)")
    figure.update_yaxes(title="change of confidence (points)")
    return laid(figure, 320)
