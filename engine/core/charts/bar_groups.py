"""Bars of several columns beside each other, for each row of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.core.charts.bars import AlongRows
from engine.core.charts.chart import column_unit, values
from engine.core.charts.style import COLORS, theme
from engine.core.result import Table

if TYPE_CHECKING:
    import plotly.graph_objects as go

HATCHES = ("", "/", "x")
THICK = 48  # px of a row


@dataclass(frozen=True, kw_only=True)
class BarGroups(AlongRows):
    """A bar for each row and column, with its value at its end.

    Args:
        series: columns with their names in the legend.
        ticks: of the axis of values.
    """

    series: Mapping[str, str]
    ticks: Sequence[float] | None = None

    def figure(self, table: Table) -> go.Figure:
        """The bars; the first column's is on top in each row."""
        import plotly.graph_objects as go

        figure, names = go.Figure(), self.labels(table)
        for at, (column, name) in enumerate(self.series.items()):
            drawn = values(table, column)
            figure.add_bar(
                y=names,
                x=drawn,
                name=name,
                orientation="h",
                textposition="outside",
                text=[f"{value:.0f} {column_unit(table, column)}" for value in drawn],
                marker={"color": COLORS[theme()][at], "pattern": {"shape": HATCHES[at]}},
                constraintext="none",
                cliponaxis=False,
            )
        figure.update_layout(barmode="group", bargap=0.25)
        figure.update_xaxes(tickvals=self.ticks)
        figure = self.across(figure, table, next(iter(self.series)))
        return figure.update_layout(height=self.height or 90 + THICK * len(names))
