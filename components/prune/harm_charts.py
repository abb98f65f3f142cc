"""Charts of what is lost: classes, calibration, worse images, and heat maps that drift."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from components.charts.style import COLORS, GRAY, laid, theme
from components.draw.bars import Bars, Dots
from components.draw.lines import Scatter
from engine.result import Columns, Table

MOST_CLASSES = 12
ENDS = ("lowest other seed", "highest other seed")  # columns of the classes of `Seeds`
PRUNED = 1  # the place of the pruned model's color

CORRUPTIONS = Dots(
    series={"change": "pruned"}, intervals={"change": ("low", "high")}, line=0.0,
    title="pruned − whole model (points)",
)  # fmt: skip
DRIFT = Scatter(
    x="rank correlation", y="change of confidence", line=0.0, height=320,
    x_title="rank correlation of the maps (1: the same)", title="change of confidence (points)",
)  # fmt: skip


def class_changes(table: Table, other_seeds: Table | None) -> Columns:
    """The change of each class, and its range over dense networks of other seeds.

    Args:
        table: the classes of `Harm`.
        other_seeds: the classes of `Seeds`; without them the range is NaN.
    """
    ends = {} if other_seeds is None else dict(
        zip(other_seeds.rows, zip(*(other_seeds[end] for end in ENDS), strict=True), strict=True)
    )  # fmt: skip
    low, high = np.array([ends.get(name, (np.nan, np.nan)) for name in table.rows]).reshape(-1, 2).T
    columns = {name: (table[name], "share") for name in ("dense", "pruned", "change")}
    columns |= {"low": (low, "share"), "high": (high, "share"), "images": (table["images"], "")}
    return Columns.of(columns, table.rows)


def classes(table: Columns) -> Bars:
    """The classes that lose most, over the range of other seeds where it was measured."""
    shares = zip(table["dense"], table["pruned"], table["images"], strict=True)
    measured = bool(np.isfinite(table["low"]).any())
    return Bars(
        value="change", most=MOST_CLASSES, color=PRUNED, title="change (points)",
        between=("low", "high", "dense, other seeds") if measured else None,
        texts=[f"{100 * a:.0f} → {100 * b:.0f} % of {count:.0f}" for a, b, count in shares],
    )  # fmt: skip


def drifts(table: Table, names: tuple[str, ...]) -> Columns:
    """Each image: how much of the order of its heat map is left, and how its confidence moved."""
    change = np.asarray(table["pruned"], np.float64) - table["dense"]
    return Columns.of(
        {
            "rank correlation": (table["rank correlation"], "correlation"),
            "top tenth IoU": (table["top tenth IoU"], "share"),
            "change of confidence": (change, "share"),
        },
        names,
    )


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


CHANGES = Dots(series={"answers that change": "networks"}, title="answers that change (%)")
CLASSES = Bars(
    value="change", between=(*ENDS, "dense, other seeds"), color=PRUNED,
    title="change of right answers (points)",
)  # fmt: skip


def changed_answers(networks: Table, pairs: Table) -> Columns:
    """The share of changed answers of each pair of dense networks, and of each pruned one."""
    apart, cut = pairs["answers that differ"], networks["answers changed"]
    names = ("dense, other seed",) * len(apart) + ("pruned",) * len(cut)
    return Columns.of({"answers that change": (np.concatenate([apart, cut]), "share")}, names)
