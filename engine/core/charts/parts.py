"""What scores are made of: terms that add up, or factors that are multiplied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.charts.bars import AlongRows
from engine.core.charts.chart import FRAME, values
from engine.core.charts.scores import groups_of
from engine.core.charts.style import COLORS, INK, laid, on_bars, theme
from engine.core.result import Evidence, Table

if TYPE_CHECKING:
    import plotly.graph_objects as go

PATTERNS = ("", "/", ".", "x")
THICK = 52  # px of a row


def median_image(scores: Evidence) -> int:
    """The image of median score, the lower one of two, so that its parts make that score."""
    return int(np.argsort(scores.values, kind="stable")[(len(scores.values) - 1) // 2])


def parts_table(groups: Mapping[str, Evidence]) -> Table:
    """A row for the image in the middle of each group, a column for each part, by name."""
    names = tuple(sorted(next(iter(groups.values())).parts))
    rows = [[group.parts[name][median_image(group)] for name in names] for group in groups.values()]
    return Table.grid(np.array(rows, np.float32), tuple(groups), names, ("",) * len(names))


def middles(answer: Mapping[str, Any], names: Mapping[str, str]) -> Table:
    """As `parts_table`, of the groups that an answer has; `names` are by its views."""
    return parts_table(groups_of(answer, names))


@dataclass(frozen=True, kw_only=True)
class ScoreParts(AlongRows):
    """The columns of each row: one bar on the other, or each on its own scale.

    Args:
        joined: how they make the score: "sum", with a diamond where it is; "product", each on its
            own scale; or "alone".
    """

    joined: str = "sum"

    def figure(self, table: Table) -> go.Figure:
        import plotly.graph_objects as go

        height = self.height or FRAME + THICK * len(self.labels(table))
        if self.joined == "product":
            return laid(self.beside(table), height)
        figure = go.Figure([self.bars(table, at) for at in range(len(table.order))])
        if self.joined == "sum":
            sums = np.sum([values(table, name) for name in table.order], 0)
            edge = {"width": 2, "color": on_bars()}  # seen on any bar and its pattern
            mark = {"symbol": "diamond", "size": 14, "color": INK[theme()], "line": edge}
            figure.add_scatter(
                y=self.labels(table), x=sums, name="score", mode="markers", marker=mark
            )
        figure.update_layout(barmode="relative", showlegend=True)
        return self.across(figure, table, table.order[0]).update_layout(height=height)

    def beside(self, table: Table) -> go.Figure:
        """A field for each column, its numbers on the bars."""
        from plotly.subplots import make_subplots

        names = list(table.order)
        figure = make_subplots(rows=1, cols=len(names), subplot_titles=names, shared_yaxes=True)
        for at, name in enumerate(names):
            texts = [f"{value:.3g}".replace("-", "−") for value in values(table, name)]
            bars = self.bars(table, at, text=texts, showlegend=False)
            figure.add_trace(bars, row=1, col=at + 1)
        return figure.update_yaxes(type="category", autorange="reversed")

    def bars(self, table: Table, at: int, **more: Any) -> go.Bar:
        """The bars of one column, in its color and its pattern."""
        import plotly.graph_objects as go

        inks = COLORS[theme()]
        return go.Bar(
            y=self.labels(table),
            x=values(table, table.order[at]),
            name=table.order[at],
            orientation="h",
            insidetextfont={"color": on_bars()},
            constraintext="none",
            marker={
                "color": inks[at % len(inks)],
                "pattern": {"shape": PATTERNS[at % len(PATTERNS)]},
            },
            **more,
        )
