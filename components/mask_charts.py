"""Charts of the Prune view, drawn by Plotly, each with its finding in words."""

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
from engine.sparsity.latency import Timing

WITHIN = 1  # point of the dense accuracy
MANY = 0.1  # of a layer's filters dead: from here on its bar is hatched
MOST_CLASSES = 12


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


# ---------------------------------------------------------------- harm


def classes(table: Table) -> go.Figure:
    """The classes that pay first: the change of their share of right answers."""
    order = np.argsort(table.values[:, 3], kind="stable")
    order = order[table.values[order, 3] != 0][:MOST_CLASSES][::-1]
    change = 100 * table.values[order, 3]
    names = [wrapped(table.rows[at]) for at in order]
    texts = [
        f"{100 * table.values[at, 1]:.0f} → {100 * table.values[at, 2]:.0f} % of "
        f"{table.values[at, 0]:.0f}"
        for at in order
    ]
    figure = go.Figure(
        go.Bar(y=names, x=change, orientation="h", text=texts, textposition="auto",
               marker={"color": COLORS[theme()][1]})
    )  # fmt: skip
    figure.update_yaxes(type="category")
    figure.update_xaxes(title="change (points)")
    return laid(figure, 90 + 30 * len(names))


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


# ---------------------------------------------------------------- cost


def operations(dense: float, theoretical: float, real: float) -> go.Figure:
    """Multiply-adds of one image: whole, if zeros were skipped, and as they are."""
    names = ["channels taken out (real)", "zeros skipped (theory)", "whole model"]
    values = np.array([real, theoretical, dense]) / 1e6
    color = COLORS[theme()]
    figure = go.Figure(
        go.Bar(
            y=names, x=values, orientation="h", text=[f"{one:,.3g} M" for one in values],
            textposition="outside", cliponaxis=False,
            marker={
                "color": [color[2], GRAY, color[0]], "pattern": {"shape": ["", "/", ""]},
            },
        )
    )  # fmt: skip
    figure.update_xaxes(
        title="multiply-adds of one image (millions)", range=[0, 1.15 * values.max()]
    )
    return laid(figure, 200)


def latencies(rows: Sequence[Timing]) -> go.Figure:
    """Milliseconds of a forward pass, median and quartiles, by batch; figures beside the bars."""
    from plotly.subplots import make_subplots

    batches = sorted({one.batch for one in rows})
    titles = [f"{batch} image{'s' if batch > 1 else ''} at a time" for batch in batches]
    figure = make_subplots(
        rows=len(batches), cols=1, subplot_titles=titles, vertical_spacing=0.42 / len(batches)
    )
    for place, batch in enumerate(batches, start=1):
        own = [one for one in rows if one.batch == batch][::-1]
        names = ["whole model" if one.name == "dense" else one.name for one in own]
        median = [one.median for one in own]
        bars = go.Bar(
            y=names, x=median, orientation="h", showlegend=False,
            marker={"color": COLORS[theme()][0]},
            error_x={
                "array": [one.high - one.median for one in own],
                "arrayminus": [one.median - one.low for one in own], "symmetric": False,
                "color": GRAY,
            },
        )  # fmt: skip
        figures = go.Scatter(
            y=names, x=[max(one.median, one.high) for one in own], mode="text", showlegend=False,
            text=[f"  {one.median:.3g} ms · × {one.ratio:.2f}" for one in own],
            textposition="middle right", hoverinfo="skip", cliponaxis=False,
        )  # fmt: skip
        figure.add_traces([bars, figures], rows=place, cols=1)
        most = max(one.high for one in own)
        figure.update_xaxes(range=[0, 1.6 * max(most, *median)], row=place, col=1)
    figure.update_xaxes(title="ms", row=len(batches), col=1)
    return laid(figure, 90 + 42 * len(rows) + 44 * len(batches))
