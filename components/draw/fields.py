"""Numbers on a grid with two axes, as a colored ground."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from components.charts import plots
from components.charts.finished import finished_figure
from components.charts.style import number, scale
from engine.core.charts.drawing import DrawnAs
from engine.core.charts.matrix import diverging
from engine.core.charts.style import laid
from engine.core.result import Field, Points, Table


@dataclass(frozen=True, kw_only=True)
class FieldChart(DrawnAs):
    """How a field is drawn.

    Args:
        level: the value at which a line is drawn, such as where an answer changes.
        span: the values at the ends of the colors; the field's own if not given, and 0 to 1 for
            probabilities.
        signed: whether zero recedes into the page and both signs have colors of their own.
        x_names, y_names: of columns and rows, where they are words.
        downward: whether the first row is on top.
        ways: points that are joined by a line over the ground, each in the color of its own value,
            by their names: the first ones in black, the last in white.
        height: px.
    """

    level: float | None = None
    span: tuple[float, float] | None = None
    signed: bool = False
    x_names: Sequence[str] = ()
    y_names: Sequence[str] = ()
    downward: bool = False
    ways: Mapping[str, Points] = field(default_factory=dict)
    height: int = 460

    def figure(self, ground: Field) -> go.Figure:
        shared = {
            "z": ground.values,
            "x": self.x_names or ground.x,
            "y": self.y_names or ground.y,
            "coloraxis": "coloraxis",
            "hovertemplate": "%{x}, %{y}: %{z:.3g}<extra></extra>",
        }
        if self.level is None:
            trace = go.Heatmap(shared)
        else:
            level = {"start": self.level, "end": self.level, "size": 1}
            line = {"color": "#fff", "width": 2}
            trace = go.Contour(shared, contours=level | {"coloring": "heatmap"}, line=line)
        figure = go.Figure(trace)
        for at, (name, points) in enumerate(self.ways.items()):
            draw_way(figure, points, name, "#fff" if at == len(self.ways) - 1 else "#b8b8b8")
        figure.update_layout(coloraxis=self.colors(ground))
        figure.update_xaxes(title=escape(ground.x_label), showgrid=False)
        if self.ways:
            figure.update_xaxes(range=[float(ground.x[0]), float(ground.x[-1])])
            figure.update_layout(showlegend=False)
        order = "reversed" if self.downward else True
        figure.update_yaxes(title=escape(ground.y_label), autorange=order, showgrid=False)
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


def draw_way(figure: go.Figure, points: Points, name: str, shade: str) -> None:
    x, y = points.places.T
    for color, width in (("#000", 5.5), (shade, 3)):
        line = {"width": width, "color": color}
        figure.add_scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip")
    figure.add_scatter(
        x=x,
        y=y,
        mode="markers",
        hoverinfo="text",
        hovertext=[f"{name}, point {at}: {number(v)}" for at, v in enumerate(points.values)],
        marker={
            "size": 9,
            "color": points.values,
            "coloraxis": "coloraxis",
            "line": {"width": 1.25, "color": "#000"},
        },
    )


def draw_field(view: Field, key: str, finding: str, shape: FieldChart) -> None:
    plots.with_table(finished_figure(shape.figure, view), finding, numbers(view, shape), key)


def numbers(view: Field, shape: FieldChart) -> dict[str, Table]:
    ways = {name: points_table(points) for name, points in shape.ways.items()}
    return ways | {"numbers": field_table(view, shape)}


def points_table(points: Points) -> Table:
    values = np.column_stack([points.places, points.values])
    rows = tuple(f"point {at}" for at in range(len(values)))
    return Table.grid(
        values, rows, (points.x_label, points.y_label, "value"), ("", "", points.unit)
    )


def field_table(ground: Field, shape: FieldChart) -> Table:
    rows = tuple(shape.y_names or (axis_label(ground.y_label, y) for y in ground.y))
    columns = tuple(shape.x_names or (axis_label("", x) for x in ground.x))
    order = slice(None) if shape.downward else slice(None, None, -1)
    units = (ground.unit,) * len(columns)
    return Table.grid(ground.values[order], rows[order], columns, units)


def axis_label(label: str, at: float) -> str:
    return f"{label} {at:.3g}".strip().replace("-", "−")
