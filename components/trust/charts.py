"""Charts of the trials of a map, each with its numbers as a table below it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from components.charts import plots
from components.charts.style import COLORS, GRAY, MARGINS, laid, theme
from components.charts.tables import as_table
from engine.result import Columns, Curve, Result, Table

HEIGHT = 300  # px
BAND = "rgba(128, 128, 128, 0.35)"
HALVES = {"insertion": "strongest shown first", "deletion": "strongest hidden first"}


def order(found: Result, key: str) -> None:
    """Both curves of a map over the band that copies of the map make."""
    curves = {name: view for name, view in found.items() if isinstance(view, Curve)}
    words = (
        "The line is the map's own order of pixels, the gray band what copies of the map give, "
        "turned, mirrored or moved over the image. A good map lies above the band on the left, "
        "where its strongest pixels are shown first, and below it on the right, where they are "
        "hidden first."
    )
    plots.with_table(order_figure(curves), words, {"curves": order_table(curves)}, key)


def order_figure(curves: Mapping[str, Curve]) -> go.Figure:
    """Shown first on the left, hidden first on the right, on one scale."""
    figure = make_subplots(
        rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.06,
        subplot_titles=tuple(HALVES.values()),
    )  # fmt: skip
    for at, name in enumerate(HALVES, 1):
        own, low, high = (curves[f"{name}{end}"] for end in ("", " low", " high"))
        edge = {"width": 0}
        figure.add_scatter(x=low.x, y=low.y, line=edge, mode="lines", hoverinfo="skip",
                           row=1, col=at)  # fmt: skip
        figure.add_scatter(
            x=high.x, y=high.y, line=edge, mode="lines", fill="tonexty", fillcolor=BAND,
            hoverinfo="skip", row=1, col=at,
        )  # fmt: skip
        figure.add_scatter(
            x=own.x, y=own.y, mode="lines+markers", line={"color": COLORS[theme()][0], "width": 3},
            name="this map", row=1, col=at,
            hovertemplate="%{x:.0%} of the image: %{y:.3g}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(range=[0, 1], tickformat=".0%", title_text="of the image", fixedrange=True)
    figure.update_yaxes(fixedrange=True)
    figure.update_yaxes(title_text=f"score ({curves['insertion'].unit})", col=1)
    laid(figure, HEIGHT)
    figure.update_layout(showlegend=False, margin={**MARGINS, "t": 30})
    return figure


def order_table(curves: Mapping[str, Curve]) -> Table:
    """A row for each share of the image, a column for each curve."""
    names = [f"{name}{end}" for name in HALVES for end in ("", " low", " high")]
    shares = curves["insertion"].x
    values = np.stack([curves[name].y for name in names], 1).astype(np.float32)
    heads = tuple(
        name.replace(" low", ", lowest copy").replace(" high", ", highest copy") for name in names
    )
    rows = tuple(f"{100 * share:.0f} %" for share in shares)
    return Table(values, rows, heads, (curves["insertion"].unit,) * len(names))


def shuffled(found: Result, key: str) -> None:
    """How alike the map stays while more and more layers are shuffled."""
    curves = {name: view for name, view in found.items() if isinstance(view, Curve)}
    order, likeness = curves["order"], curves["ssim"]
    words = (
        f"From the last layer on, layers are shuffled. Once all are, the map's correlation with "
        f"what it was is {order.y[-1]:.2f} (1: the same, 0: unrelated, −1: the opposite)."
    )
    values = np.stack([order.y, likeness.y], 1).astype(np.float32)
    rows = tuple(f"{100 * share:.0f} % of the layers" for share in order.x)
    table = Table(values, rows, ("order (Spearman)", "structure of the sizes (SSIM)"), ("", ""))
    plots.with_table(shuffled_figure(order, likeness), words, {"similarity": table}, key)


def shuffled_figure(order: Curve, likeness: Curve) -> go.Figure:
    """Both measures over the share of layers."""
    figure = go.Figure()
    looks = ((order, "order (Spearman)", "solid", "circle"),
             (likeness, "structure of the sizes (SSIM)", "dash", "square"))  # fmt: skip
    for at, (curve, name, dash, symbol) in enumerate(looks):
        if np.isfinite(curve.y[1:]).any():
            figure.add_scatter(
                x=curve.x, y=curve.y, name=name, mode="lines+markers",
                line={"color": COLORS[theme()][at], "dash": dash, "width": 3},
                marker={"symbol": symbol, "size": 9},
                hovertemplate="%{x:.0%} of the layers: %{y:.2f}<extra></extra>",
            )  # fmt: skip
    low = min(0.0, float(np.nanmin(order.y)), float(np.nanmin(likeness.y)))
    figure.update_xaxes(
        range=[-0.03, 1.03], tickformat=".0%", title_text="of the layers shuffled", fixedrange=True
    )
    figure.update_yaxes(range=[low - 0.05, 1.05], title_text="alike", fixedrange=True)
    return laid(figure, HEIGHT)


def foretold(found: Result, key: str) -> None:
    """A mark for each hidden square: what the map holds in it, and how far the score fell."""
    squares = found["squares"]
    assert isinstance(squares, Columns)  # noqa: S101  # the trial gives it
    words = (
        "Each mark is a square that was hidden: to the right what the map holds in it, upwards how "
        "far the score fell without it; below the line it rose. Where the map foretells the falls, "
        "the marks lie along a line through zero that rises."
    )
    table = as_table(squares, squares.order)
    plots.with_table(foretold_figure(squares), words, {"squares": table}, key)


def foretold_figure(squares: Columns) -> go.Figure:
    """The marks, and both zeros."""
    figure = go.Figure()
    figure.add_scatter(
        x=squares["map"], y=squares["fell"], mode="markers",
        marker={"color": COLORS[theme()][0], "size": 8, "opacity": 0.7},
        hovertemplate="the map holds %{x:.3g}, the score fell by %{y:.3g}<extra></extra>",
    )  # fmt: skip
    unit = squares.units[squares.order.index("fell")]
    figure.update_xaxes(title_text="what the map holds in the square", zerolinecolor=GRAY)
    figure.update_yaxes(title_text=f"fall of the score ({unit})", zerolinecolor=GRAY)
    laid(figure, HEIGHT)
    return figure.update_layout(showlegend=False)
