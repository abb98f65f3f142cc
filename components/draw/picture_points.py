"""Marks over a picture, which can be clicked: a row for each, colored by its number."""

from dataclasses import dataclass

import plotly.graph_objects as go

from components.draw.pictures import url
from engine.core.charts.chart import Chart, column_unit, values
from engine.core.charts.style import laid, ramp
from engine.core.pictures import Pixels
from engine.core.result import Table

MARK = 15  # px


@dataclass(frozen=True, kw_only=True)
class PicturePoints(Chart):
    """A square for each row; columns `left` and `top` are shares of the picture's sides.

    Args:
        picture: what they lie over, (H, W, 3).
        value: the column that colors them.
        chosen: the row whose mark has a thick border.
    """

    picture: Pixels
    value: str
    chosen: int = 0

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
        edges = [4 if at == self.chosen else 1 for at in range(len(table))]
        figure.add_scatter(
            x=table["left"] * width,
            y=table["top"] * height,
            mode="markers",
            text=[
                f"{number:.3g} {column_unit(table, self.value)}"
                for number in values(table, self.value)
            ],
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
            marker={
                "symbol": "square",
                "size": MARK,
                "color": values(table, self.value),
                "colorscale": ramp(),
                "line": {"width": edges, "color": "#fff"},
            },
            unselected={"marker": {"opacity": 1}},
        )
        axis = {"visible": False, "constrain": "domain"}
        figure.update_xaxes(range=(0, width), **axis)
        figure.update_yaxes(range=(height, 0), scaleanchor="x", **axis)
        return laid(figure, self.height or 380)
