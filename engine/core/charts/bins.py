"""Counts in bins of equal width, stacked: a histogram of what was counted elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.core.charts.chart import Chart, column_title, values
from engine.core.charts.style import COLORS, GRAY, laid, theme
from engine.core.result import Table

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, kw_only=True)
class Bins(Chart):
    """Two columns of counts, the second one stacked on the first, which is hatched.

    Args:
        x: the column with the middles of the bins.
        series: the columns with their names in the legend.
        edges: where dashed lines stand.
    """

    x: str
    series: Mapping[str, str]
    edges: Sequence[float] = ()

    def figure(self, table: Table) -> go.Figure:
        import plotly.graph_objects as go

        figure, middle = go.Figure(), values(table, self.x)
        color = COLORS[theme()]
        looks = ((GRAY, "/"), (color[0], ""))
        for (column, name), (ink, shape) in zip(self.series.items(), looks, strict=True):
            figure.add_bar(
                x=middle,
                y=values(table, column),
                width=float(middle[1] - middle[0]),
                name=name,
                marker={"color": ink, "pattern": {"shape": shape}, "line": {"width": 0}},
            )
        for edge in self.edges:
            figure.add_vline(x=edge, line={"color": color[1], "width": 2, "dash": "dash"})
        figure.update_layout(barmode="stack", bargap=0)
        figure.update_xaxes(title=column_title(table, self.x))
        figure.update_yaxes(title=self.heading(table, next(iter(self.series))))
        return laid(figure, self.height or 260)
