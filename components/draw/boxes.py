"""Boxes over a picture: a row for each, with its name."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from components.draw.pictures import url
from engine.core.charts.chart import Chart, series_style, values
from engine.core.charts.chart import column_unit as unit_of
from engine.core.charts.style import laid
from engine.core.pictures import Pixels
from engine.core.result import Table

KNOWN_COLOR, PREDICTED_COLOR = "#ffdc3c", "#ff5a5a"


@dataclass(frozen=True, kw_only=True)
class PictureBoxes(Chart):
    """A box for each row that has one; columns are shares of the picture's sides.

    Args:
        picture: what they lie over, (H, W, 3).
        edges: the columns with left, top, width and height.
        value: a column whose number stands behind each name, with its unit.
        known: a column that is 1 for boxes that were known before: those are dashed and yellow,
            their names below them, and all others solid and red, with their names above them.
    """

    picture: Pixels
    edges: tuple[str, str, str, str] = ("left", "top", "width", "height")
    value: str = ""
    known: str = ""

    def figure(self, table: Table) -> go.Figure:
        height, width = self.picture.shape[:2]
        figure = go.Figure()
        figure.add_layout_image(
            source=url(self.picture),
            xref="x",
            yref="y",
            x=0,
            y=0,
            sizex=width,
            sizey=height,
            sizing="stretch",
            layer="below",
        )
        shares = np.stack([np.asarray(table[edge], np.float64) for edge in self.edges], 1)
        known = table[self.known] == 1 if self.known else np.zeros(len(table), np.bool_)
        for at, (box, name) in enumerate(zip(shares, self.written(table), strict=True)):
            if np.isfinite(box).all():
                self.add(figure, at, box * (width, height, width, height), name, known=known[at])
        axis = {"visible": False, "constrain": "domain"}
        figure.update_xaxes(range=(0, width), **axis)
        figure.update_yaxes(range=(height, 0), scaleanchor="x", **axis)
        return laid(figure, self.height or 420)

    def add(self, figure: go.Figure, at: int, box: np.ndarray, name: str, *, known: bool) -> None:
        """One box in px, its name within its upper left corner, or outside of it."""
        left, top, width, height = box.tolist()
        shape = {"type": "rect", "x0": left, "y0": top, "x1": left + width, "y1": top + height}
        color = (
            (KNOWN_COLOR if known else PREDICTED_COLOR) if self.known else series_style(at)["color"]
        )
        dash = "dash" if known else "solid"
        for ink, px in (("#000", 5), (color, 3)):  # a black edge is seen on every picture
            figure.add_shape(shape, line={"color": ink, "width": px, "dash": dash})
        figure.add_annotation(
            x=left,
            y=top + height if known else top,
            text=name,
            showarrow=False,
            xanchor="left",
            yanchor="bottom" if self.known and not known else "top",
            borderpad=2,
            font={"color": "#fff"},
            bgcolor="rgba(0,0,0,0.75)",
        )

    def written(self, table: Table) -> list[str]:
        """The names, with their numbers."""
        names = self.labels(table)
        if not self.value:
            return names
        numbers = values(table, self.value)
        unit = unit_of(table, self.value)
        return [
            f"{name}: {number:.3g} {unit}".rstrip() if np.isfinite(number) else name
            for name, number in zip(names, numbers, strict=True)
        ]
