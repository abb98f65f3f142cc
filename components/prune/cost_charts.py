"""Charts of what is saved: multiply-adds, and milliseconds as they were measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from components.charts.style import COLORS, GRAY, laid, theme
from engine.sparsity.latency import Latency


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


def latencies(rows: Sequence[Latency]) -> go.Figure:
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
