"""How a value is spread over groups: bars and lines over its intervals, and shaded ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.core.charts.chart import HEIGHT, Chart, values
from engine.core.charts.style import COLORS, GRAY, laid, theme
from engine.core.result import Table

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, kw_only=True)
class BarsAndLine(Chart):
    """Bars beside each other for some columns, a line for others.

    Args:
        edges: the columns with both ends of each interval.
        bars: columns with their names in the legend.
        lines: the same, drawn as lines.
        shaded: ranges of the horizontal axis that are shaded, as they are drawn.
        x_title: of the horizontal axis.
        x_factor: that brings the edges to the axis, such as 100 for percent.
        faint: whether all is gray, because it says nothing.
    """

    edges: tuple[str, str] = ("from", "to")
    bars: Mapping[str, str]
    lines: Mapping[str, str] = field(default_factory=dict)
    shaded: Sequence[tuple[float, float]] = ()
    x_title: str = ""
    x_factor: float = 1.0
    faint: bool = False

    def figure(self, table: Table) -> go.Figure:
        """The bars, the lines and the shaded ranges."""
        import plotly.graph_objects as go

        low, high = (self.x_factor * values(table, name) for name in self.edges)
        middle, figure = (low + high) / 2, go.Figure()
        inks = (GRAY,) * 3 if self.faint else COLORS[theme()]
        for at, (column, name) in enumerate(self.bars.items()):
            figure.add_bar(
                x=middle,
                y=values(table, column),
                name=name,
                opacity=0.45 if self.faint else 0.85,
                marker={"color": inks[at % 3], "pattern": {"shape": ("", "/", ".")[at % 3]}},
            )
        for at, (column, name) in enumerate(self.lines.items(), len(self.bars)):
            figure.add_scatter(
                x=middle,
                y=values(table, column),
                name=name,
                mode="lines",
                line={"color": inks[at % 3], "width": 2.5},
            )
        for start, end in self.shaded:
            figure.add_vrect(
                x0=start,
                x1=end,
                fillcolor=GRAY,
                opacity=0.15,
                line={"width": 1.5, "dash": "dash", "color": GRAY},
            )
        if len(low):
            figure.update_xaxes(range=[low[0], high[-1]])
        figure.update_xaxes(title=self.x_title)
        figure.update_yaxes(title=self.title or "share of each group (%)", range=self.span)
        figure.update_layout(barmode="group", bargap=0.05)
        return laid(figure, self.height or HEIGHT)
