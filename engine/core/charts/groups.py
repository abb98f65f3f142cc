"""Groups of points in one plane: clouds, a curve with a place on it, the person's own image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from engine.core.charts.chart import (
    BAND,
    HEIGHT,
    Chart,
    column_title,
    series_style,
    style_index,
    values,
)
from engine.core.charts.style import DASHES, GRAY, INK, laid, theme
from engine.core.result import Table

if TYPE_CHECKING:
    import plotly.graph_objects as go

Look = Literal["dots", "large", "line", "path", "thin", "own"]


@dataclass(frozen=True, kw_only=True)
class PointGroups(Chart):
    """The rows of a table as points; rows of one name are one group.

    Args:
        x, y: the columns.
        looks: how each group is drawn, by its name: as dots, as large open marks, as a line, as a
            path from mark to mark, as thin gray lines that are parted by rows of NaN, or as one
            star.
        x_title: of the horizontal axis; the column's name and unit if not given.
        x_span: of the horizontal axis, as it is drawn.
        products: on a dotted line the product of both columns is one of these.
        shaded: ranges of the horizontal axis that are shaded.
    """

    x: str
    y: str
    looks: Mapping[str, Look] = field(default_factory=dict)
    x_title: str = ""
    x_span: tuple[float, float] | None = None
    products: Sequence[float] = ()
    shaded: Sequence[tuple[float, float]] = ()

    def figure(self, table: Table) -> go.Figure:
        import plotly.graph_objects as go

        figure, x, y = go.Figure(), values(table, self.x), values(table, self.y)
        for product in self.products:
            places = np.linspace(0.02, 1, 60) * x.max()
            figure.add_scatter(
                x=places,
                y=product / places,
                mode="lines",
                hoverinfo="skip",
                showlegend=False,
                line={"color": GRAY, "width": 1, "dash": "dot"},
            )
        for low, high in self.shaded:
            figure.add_vrect(x0=low, x1=high, fillcolor=BAND, line_width=0, layer="below")
        names = np.array(table.rows)
        for at, (name, look) in enumerate(self.looks.items()):
            of_it = names == name
            if of_it.any():
                figure.add_scatter(x=x[of_it], y=y[of_it], name=name, **drawn_as(look, at))
        figure.update_xaxes(title=self.x_title or column_title(table, self.x), range=self.x_span)
        figure.update_yaxes(title=self.heading(table, self.y), range=self.span)
        figure.update_layout(showlegend=len(self.looks) > 1)
        return laid(figure, self.height or HEIGHT)


def drawn_as(look: Look, at: int) -> dict[str, Any]:
    """How Plotly draws the group at that place."""
    style = series_style(at)
    match look:
        case "line":
            dash = DASHES[style_index(at)]
            return {"mode": "lines", "line": {"color": style["color"], "dash": dash, "width": 2.5}}
        case "path":
            return drawn_as("line", at) | {"mode": "lines+markers", "marker": style | {"size": 8}}
        case "large":
            ring = {"symbol": f"{style['symbol']}-open", "size": 18, "line": {"width": 2}}
            return {"mode": "markers", "marker": style | ring}
        case "thin":
            return {"mode": "lines", "line": {"color": GRAY, "width": 1}, "hoverinfo": "skip"}
        case "own":
            return {
                "mode": "markers",
                "marker": {"color": INK[theme()], "symbol": "star", "size": 18},
            }
    return {"mode": "markers", "marker": style | {"size": 6}}
