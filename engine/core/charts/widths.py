"""Bars beside each other, each as wide as what it stands for is large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.core.charts.chart import Chart, values
from engine.core.charts.style import COLORS, GRAY, INK, laid, theme
from engine.core.result import Table

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, kw_only=True)
class Widths(Chart):
    """A bar for each row: its area is the row's part of the mean over all of them.

    Args:
        value: the column with the height.
        width: the column with the size, of which each bar's width is its share.
        hatched: the rows that stand out.
        hovers: what is shown when the pointer rests on a bar.
        x_title: below the bars.
    """

    value: str
    width: str
    hatched: Sequence[bool] = ()
    hovers: Sequence[str] = ()
    x_title: str = ""

    def figure(self, table: Table) -> go.Figure:
        """The bars, and a dashed line at `line`."""
        import plotly.graph_objects as go

        sizes = values(table, self.width)
        wide = 100 * sizes / sizes.sum()
        marked = list(self.hatched) or [False] * len(sizes)
        color = COLORS[theme()]
        figure = go.Figure(
            go.Bar(
                x=np.cumsum(wide) - wide / 2,
                y=values(table, self.value),
                width=wide,
                hovertext=list(self.hovers or self.labels(table)),
                hoverinfo="text",
                marker={
                    "color": [color[1] if is_marked else color[0] for is_marked in marked],
                    "pattern": {"shape": ["/" if is_marked else "" for is_marked in marked]},
                    "line": {"width": 0.5, "color": GRAY},
                },
            )
        )
        if self.line is not None:
            dashed = {"color": INK[theme()], "dash": "dash", "width": 2}
            figure.add_hline(y=self.line, line=dashed, annotation_text=self.line_name)
        figure.update_xaxes(title=self.x_title, range=[0, 100])
        figure.update_yaxes(title=self.heading(table, self.value), range=self.span)
        figure.update_layout(showlegend=False)
        return laid(figure, self.height or 260)
