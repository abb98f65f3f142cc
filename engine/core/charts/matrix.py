"""A table as colored squares, the first row on top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.core.charts.chart import Chart, Values, values
from engine.core.charts.style import COLORS, GRAY, STOPS, laid, ramp, theme
from engine.core.pictures.colors import DIVERGING_DARK, DIVERGING_LIGHT
from engine.core.result import Table

if TYPE_CHECKING:
    import plotly.graph_objects as go

MANY = 20  # rows, from which on squares carry no numbers


@dataclass(frozen=True, kw_only=True)
class Matrix(Chart):
    """A square for each cell, in the color of its value.

    Args:
        signed: whether zero recedes into the page and both signs have colors of their own.
        colors: (rows, columns), what decides the color where that is not the value itself.
        texts: (rows, columns), what is written on the squares where that is not the value.
        hovers: (rows, columns), what is shown when the pointer rests on a square.
        numbers: whether squares carry numbers or texts.
        outlined: (row, column) of squares with a frame.
        columns: names of the columns, where they are not the table's.
        form: how numbers are written on the squares.
        x_title: below the columns.
        bar: what stands above the bar of colors; without it there is no bar.
        ticks: of the bar: where they are, and what they say.
    """

    signed: bool = False
    colors: Values | None = None
    texts: Sequence[Sequence[str]] = ()
    hovers: Sequence[Sequence[str]] = ()
    numbers: bool = True
    outlined: Sequence[tuple[int, int]] = ()
    columns: Sequence[str] = ()
    form: str = ".2g"
    x_title: str = ""
    bar: str = ""
    ticks: tuple[tuple[float, ...], tuple[str, ...]] | None = None

    def figure(self, table: Table) -> go.Figure:
        import plotly.graph_objects as go

        cells = np.stack([values(table, name) for name in table.order], 1)
        few = len(cells) <= MANY
        trace = go.Heatmap(
            z=cells if self.colors is None else self.colors,
            x=list(self.columns or table.order),
            y=list(self.names or table.rows),
            coloraxis="coloraxis",
            xgap=1,
            ygap=1,
            text=self.written(cells),
            texttemplate="%{text}" if self.numbers and few else None,
            textfont={"size": 11},
            hovertext=self.hovers or None,
            hoverinfo="text" if self.hovers else "all",
        )
        figure = go.Figure(trace)
        for row, column in self.outlined:
            figure.add_shape(
                type="rect",
                x0=column - 0.46,
                x1=column + 0.46,
                y0=row - 0.44,
                y1=row + 0.44,
                line={"width": 3, "color": COLORS[theme()][1]},
            )
        figure.update_layout(coloraxis=self.scale())
        figure.update_xaxes(title=self.x_title, type="category", showgrid=False, linecolor=GRAY)
        figure.update_yaxes(title=self.title, type="category", autorange="reversed", showgrid=False)
        return laid(figure, self.height or 440)

    def written(self, cells: Values) -> list[list[str]]:
        """What stands on each square; nothing where no number is known."""
        if self.texts:
            return [list(row) for row in self.texts]
        return [
            [
                f"{value:z{self.form}}".replace("-", "−") if np.isfinite(value) else ""
                for value in row
            ]
            for row in cells
        ]

    def scale(self) -> dict[str, object]:
        """The axis of colors."""
        low, high = self.span or (None, None)
        axis: dict[str, object] = {"cmin": low, "cmax": high, "showscale": bool(self.bar)}
        axis["colorscale"] = diverging() if self.signed else ramp()
        bar: dict[str, object] = {
            "title": {"text": self.bar, "side": "top"},
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
            "thickness": 12,
            "len": 0.9,
        }
        if self.ticks:
            bar["tickvals"], bar["ticktext"] = self.ticks
        return axis | {"colorbar": bar}


def diverging() -> list[tuple[float, str]]:
    """The ramp of signed numbers as Plotly takes it."""
    shades = DIVERGING_DARK if theme() == "dark" else DIVERGING_LIGHT
    at = np.linspace(0, 255, STOPS).round().astype(int)
    return [(float(k / 255), "rgb({},{},{})".format(*shades[k])) for k in at]
