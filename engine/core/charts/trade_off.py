"""Two goods against each other: a point for each row, the best of both in the upper right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from engine.core.charts.chart import Chart, column_title, values
from engine.core.charts.style import COLORS, GRAY, SYMBOLS, laid, theme
from engine.core.result import Table

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, kw_only=True)
class TradeOff(Chart):
    """A point with a symbol of its own for each row, and paths of settings behind them.

    Args:
        x, y: the columns, shares of which 1 is the best.
        goal: the row that has the best of both; it is drawn as a star.
        large: a row that is drawn large.
        faint: rows that are drawn in gray.
        paths: points along a row's setting, in their order, by the row.
        x_title: of the horizontal axis.
    """

    x: str
    y: str
    goal: str = ""
    large: str = ""
    faint: tuple[str, ...] = ()
    paths: Mapping[str, Table] = field(default_factory=dict)
    x_title: str = ""

    def figure(self, table: Table) -> go.Figure:
        """The points and the paths."""
        import plotly.graph_objects as go

        figure, inks = go.Figure(), COLORS[theme()]
        names = self.names or table.rows
        across, up = values(table, self.x), values(table, self.y)
        for at, row in enumerate(table.rows):
            ink = inks[at % len(inks)]
            if row in self.paths:
                self.add_path(figure, self.paths[row], ink)
            figure.add_scatter(
                x=[across[at]],
                y=[up[at]],
                mode="markers",
                name=names[at],
                marker={
                    "size": 18 if row in {self.goal, self.large} else 11,
                    "symbol": "star" if row == self.goal else SYMBOLS[at % len(SYMBOLS)],
                    "color": GRAY if row in {self.goal, *self.faint} else ink,
                    "line": {"width": 1, "color": GRAY},
                },
            )
        figure.update_xaxes(title=self.x_title or column_title(table, self.x), range=(-4, 104))
        figure.update_yaxes(title=self.heading(table, self.y), range=(self.floor(up), 103))
        return laid(figure, self.height or 420)

    def add_path(self, figure: go.Figure, path: Table, ink: str) -> None:
        """The points along one row's setting."""
        figure.add_scatter(
            x=values(path, self.x),
            y=values(path, self.y),
            mode="lines+markers",
            line={"color": ink, "width": 1.5, "dash": "dot"},
            marker={"size": 4, "color": ink},
            showlegend=False,
            hovertext=path.rows,
        )

    def floor(self, up: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        """The lower end of the vertical axis: below all points, and never above 76."""
        heights = np.concatenate([up, *(values(path, self.y) for path in self.paths.values())])
        return float(min(np.nanmin(heights, initial=80.0), 80.0)) - 4
