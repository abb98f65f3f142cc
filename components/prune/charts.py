"""Charts of what is kept: layers, the answer, weights and accuracy, with findings in words."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from components.charts.style import COLORS, GRAY, INK, laid, theme, wrapped
from engine.result import Table
from engine.sparsity import Masks
from engine.sparsity.diagrams import Histogram

WITHIN = 1  # point of the dense accuracy
MANY = 0.1  # of a layer's filters dead: from here on its bar is hatched


def percent(share: float) -> str:
    """A share with as many digits as it needs."""
    return f"{100 * share:.3g} %"


# ---------------------------------------------------------------- layers


def layers(masks: Masks) -> go.Figure:
    """For each layer the share that stays; a bar is as wide as the layer has weights."""
    sizes = np.array([part.size for part in masks.parts], np.float64)
    wide = 100 * sizes / sizes.sum()
    middle = np.cumsum(wide) - wide / 2
    stays = 100 * masks.counts / sizes
    texts = [
        f"{escape(part.layer)}<br>{kept:,} of {part.size:,} weights stay ({share:.1f} %)"
        f"<br>{dead} of {part.filters} filters dead"
        for part, kept, share, dead in zip(
            masks.parts, masks.counts, stays, masks.dead_filters, strict=True
        )
    ]
    color = COLORS[theme()]
    hatched = many_dead(masks)
    figure = go.Figure(
        go.Bar(
            x=middle, y=stays, width=wide, hovertext=texts, hoverinfo="text",
            marker={
                "color": [color[1] if dead else color[0] for dead in hatched],
                "pattern": {"shape": ["/" if dead else "" for dead in hatched]},
                "line": {"width": 0.5, "color": GRAY},
            },
        )
    )  # fmt: skip
    line = {"color": INK[theme()], "dash": "dash", "width": 2}
    figure.add_hline(y=100 * masks.density, line=line)
    figure.update_xaxes(
        title="layers, each as wide as it has weights (%)",
        range=[0, 100],
    )
    figure.update_yaxes(title="stays (%)", range=[0, 102])
    figure.update_layout(showlegend=False)
    return laid(figure, 260)


def many_dead(masks: Masks) -> list[bool]:
    """For each layer whether a tenth or more of its filters are dead."""
    return [
        dead >= MANY * part.filters
        for dead, part in zip(masks.dead_filters, masks.parts, strict=True)
    ]


def layers_words(masks: Masks) -> str:
    """The layer that loses most and the one that loses least, and dead filters."""
    shares = [n / part.size for n, part in zip(masks.counts, masks.parts, strict=True)]
    low, high = int(np.argmin(shares)), int(np.argmax(shares))
    dead = sum(masks.dead_filters)
    said = (
        f"{masks.kept:,} of {masks.total:,} weights stay (dashed line: {percent(masks.density)}). "
        f"Most is cut from {masks.parts[low].layer}, of which {percent(shares[low])} stays; least "
        f"from {masks.parts[high].layer} ({percent(shares[high])} stays)."
    )
    if dead:
        said += f" {dead} filters are dead: nothing of them stays"
        said += " (hatched: a tenth or more of a layer's)." if any(many_dead(masks)) else "."
    return said


# ---------------------------------------------------------------- the answer


def answers(labels: Sequence[str], before: Any, after: Any) -> go.Figure:
    """The likeliest classes of both models, before and after."""
    names = [wrapped(label) for label in labels][::-1]
    figure = go.Figure()
    color = COLORS[theme()]
    rows = ((after, "pruned", color[1], "/"), (before, "whole model", color[0], ""))
    for values, name, ink, shape in rows:
        look = {"color": ink, "pattern": {"shape": shape}}
        shown = [100 * float(value) for value in values][::-1]
        figure.add_bar(
            y=names, x=shown, name=name, orientation="h", marker=look,
            text=[f"{value:.0f} %" for value in shown], textposition="outside",
            constraintext="none", cliponaxis=False,
        )  # fmt: skip
    figure.update_layout(barmode="group", legend={"traceorder": "reversed"}, bargap=0.25)
    figure.update_yaxes(type="category")  # digits are names here
    figure.update_xaxes(title="probability (%)", range=[0, 118], tickvals=[0, 25, 50, 75, 100])
    return laid(figure, 90 + 48 * len(labels))


# ---------------------------------------------------------------- weights


def histogram(found: Histogram) -> go.Figure:
    """Weights that stay and that are cut, and where the cut lies."""
    middle = (found.edges[:-1] + found.edges[1:]) / 2
    wide = float(found.edges[1] - found.edges[0])
    figure = go.Figure()
    color = COLORS[theme()]
    for values, name, ink, shape in (
        (found.cut, "cut", GRAY, "/"), (found.kept, "stays", color[0], ""),
    ):  # fmt: skip
        look = {"color": ink, "pattern": {"shape": shape}, "line": {"width": 0}}
        figure.add_bar(x=middle, y=values, width=wide, name=name, marker=look)
    for edge in (found.above, -found.above):
        if np.isfinite(edge) and found.cut.any():
            line = {"color": color[1], "width": 2, "dash": "dash"}
            figure.add_vline(x=edge, line=line)
    figure.update_layout(barmode="stack", bargap=0)
    figure.update_xaxes(title="weight")
    figure.update_yaxes(title="weights")
    return laid(figure, 260)


def histogram_words(found: Histogram) -> str:
    """How many are cut, and how large they are."""
    kept, cut = int(found.kept.sum()), int(found.cut.sum())
    if not cut:
        return f"All {kept:,} weights of this layer stay."
    said = f"{cut:,} of {kept + cut:,} weights of this layer are cut."
    if found.below <= found.above:
        return said + f" The cut lies at a size of {found.above:.3g}: whatever is smaller goes."
    return (
        said + f" The largest that goes has a size of {found.below:.3g}, the smallest that stays "
        f"{found.above:.3g}: size alone does not decide here."
    )


# ---------------------------------------------------------------- accuracy


def curve(levels: Table, now: tuple[float, float] | None, word: str) -> go.Figure:
    """Accuracy over the share that stays, on a scale of decades; a diamond at the ratio of now."""
    lanes = dict(zip(levels.columns, levels.values.T, strict=True))
    stays = 100 * (1 - lanes["sparsity"])
    dense = 100 * lanes["after pruning"][0]
    color = COLORS[theme()]
    figure = go.Figure()
    figure.add_hrect(
        y0=dense - WITHIN, y1=dense + WITHIN, fillcolor=GRAY, opacity=0.25, line_width=0
    )
    look = {"color": color[0], "width": 2.5}
    figure.add_scatter(
        x=stays, y=100 * lanes["after pruning"], name="right after pruning", line=look,
        mode="lines+markers",
    )  # fmt: skip
    if np.isfinite(lanes["retrained"]).any():
        spread = 100 * np.nan_to_num(lanes["spread"])
        figure.add_scatter(
            x=stays, y=100 * lanes["retrained"], name="after training again", mode="lines+markers",
            line={"color": color[2], "width": 2.5, "dash": "dash"}, marker={"symbol": "square"},
            error_y={"array": spread, "visible": bool(spread.any())},
        )  # fmt: skip
    if now is not None:
        mark = {"size": 15, "symbol": "diamond", "color": color[1]}
        figure.add_scatter(
            x=[100 * now[0]], y=[100 * now[1]], name="now", mode="markers", marker=mark
        )
    ticks = [100, 50, 20, 10, 5, 2, 1]
    figure.update_xaxes(
        title="weights that stay (%), of those that can be cut", type="log",
        range=[2.02, np.log10(max(min(stays.min(), 90), 0.5)) - 0.05], tickvals=ticks,
    )  # fmt: skip
    figure.update_yaxes(title=f"{word} (%)", range=[-2, 104])
    return laid(figure, 380)


def curve_words(levels: Table, word: str, reach: tuple[float, float]) -> str:
    """How far one can go without losing more than a point."""
    lanes = dict(zip(levels.columns, levels.values.T, strict=True))
    said = f"The whole model: {percent(lanes['after pruning'][0])} {word} (gray band: ± 1 point)."
    for value, name in zip(reach, ("right after pruning", "after training again"), strict=True):
        if np.isfinite(value) and value:
            said += f" {name.capitalize()} up to {percent(value)} may go without losing more."
        elif np.isfinite(value):
            said += f" {name.capitalize()} every level that was tried loses more than a point."
    return said
