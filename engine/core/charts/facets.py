"""A chart of rows in several fields below each other, one for each kind of row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from engine.core.charts.bars import AlongRows
from engine.core.charts.chart import FRAME, ROW, Chart
from engine.core.charts.style import laid
from engine.core.result import Table

if TYPE_CHECKING:
    import plotly.graph_objects as go

BETWEEN = " · "  # the kind of a row and its name
HEADING = 44  # px of the page that a field's heading takes


@dataclass(frozen=True, kw_only=True)
class Facets(Chart):
    """Rows are named "kind · name"; each kind has a field with its own rows.

    Args:
        chart: draws one field.
        shared: whether all fields have the same axis of values.
    """

    chart: AlongRows
    shared: bool = True

    def figure(self, table: Table) -> go.Figure:
        """The fields, with one legend."""
        from plotly.subplots import make_subplots

        kinds = np.array([row.rpartition(BETWEEN)[0] for row in table.rows])
        titles = list(dict.fromkeys(kinds.tolist()))
        figure = make_subplots(
            rows=len(titles),
            cols=1,
            shared_xaxes=self.shared,
            vertical_spacing=(0.24 if self.shared else 0.42) / len(titles),
            subplot_titles=[escape(title) for title in titles],
        )
        for place, title in enumerate(titles, start=1):
            field = self.chart.figure(named_in(table, np.flatnonzero(kinds == title).tolist()))
            for trace in field.data:
                if trace.showlegend is not False:
                    trace.update(legendgroup=trace.name, showlegend=place == 1)
                figure.add_trace(trace, row=place, col=1)
            for shape in field.layout.shapes:
                figure.add_vline(x=shape.x0, line=shape.line, row=place, col=1)
            axis = field.layout.xaxis
            figure.update_xaxes(range=axis.range, row=place, col=1)
            figure.update_yaxes(type="category", autorange="reversed", row=place, col=1)
        figure.update_xaxes(title=axis.title, row=len(titles), col=1)
        figure.update_layout(showlegend=field.layout.showlegend)
        rows = 1.5 * ROW * len(table.rows) + HEADING * len(titles)
        laid(figure, self.height or int(FRAME + rows))
        return figure.update_layout(legend={"y": 1.12}, margin={"t": 60})


def named_in(table: Table, places: list[int]) -> Table:
    """Some rows of a table, by their names within their kind."""
    names = tuple(table.rows[at].rpartition(BETWEEN)[2] for at in places)
    return replace(table.take(places), rows=names)
