"""Numbers on a grid with two axes, as a colored ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import plotly.graph_objects as go

from components.charts import plots
from components.charts.style import laid, scale
from components.draw.matrix import diverging
from engine.result import Field, Table


@dataclass(frozen=True, kw_only=True)
class FieldChart:
    """How a field is drawn.

    Args:
        level: the value at which a line is drawn, such as where an answer changes.
        span: the values at the ends of the colors; the field's own if not given, and 0 to 1 for
            probabilities.
        signed: whether zero recedes into the page and both signs have colors of their own.
        x_names, y_names: of columns and rows, where they are words.
        downward: whether the first row is on top.
        height: px.
    """

    level: float | None = None
    span: tuple[float, float] | None = None
    signed: bool = False
    x_names: Sequence[str] = ()
    y_names: Sequence[str] = ()
    downward: bool = False
    height: int = 460

    def figure(self, field: Field) -> go.Figure:
        """The ground with its bar of colors below."""
        shared = {
            "z": field.values, "x": self.x_names or field.x, "y": self.y_names or field.y,
            "coloraxis": "coloraxis", "hovertemplate": "%{x}, %{y}: %{z:.3g}<extra></extra>",
        }  # fmt: skip
        if self.level is None:
            trace = go.Heatmap(shared)
        else:
            at = {"start": self.level, "end": self.level, "size": 1}
            line = {"color": "#fff", "width": 2}
            trace = go.Contour(shared, contours=at | {"coloring": "heatmap"}, line=line)
        figure = go.Figure(trace)
        figure.update_layout(coloraxis=self.colors(field))
        figure.update_xaxes(title=escape(field.x_label), showgrid=False)
        order = "reversed" if self.downward else True
        figure.update_yaxes(title=escape(field.y_label), autorange=order, showgrid=False)
        return laid(figure, self.height)

    def colors(self, field: Field) -> dict[str, Any]:
        """The axis of colors, with its bar below."""
        axis = scale(field.unit, across=True, below=-0.2)
        if self.span or field.unit != "probability":
            axis["cmin"], axis["cmax"] = self.span or (None, None)
            axis["colorbar"].pop("tickvals")
        if self.signed:
            axis |= {"colorscale": diverging(), "cmid": 0}
        return axis


def draw_field(view: Field, key: str, finding: str, shape: FieldChart) -> None:
    """The ground with its finding as alt text and caption, and its numbers folded below."""
    plots.with_table(shape.figure(view), finding, {"numbers": field_table(view, shape)}, key)


def field_table(field: Field, shape: FieldChart) -> Table:
    """The numbers, the row that is drawn on top first."""
    rows = tuple(shape.y_names or (placed(field.y_label, y) for y in field.y))
    columns = tuple(shape.x_names or (placed("", x) for x in field.x))
    order = slice(None) if shape.downward else slice(None, None, -1)
    units = (field.unit,) * len(columns)
    return Table(field.values[order], rows[order], columns, units)


def placed(label: str, at: float) -> str:
    """A place on an axis."""
    return f"{label} {at:.3g}".strip().replace("-", "−")
