"""Charts with a row for each row of a table: bars, and dots with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from engine.core.charts.chart import (
    BAND,
    FRAME,
    NAME,
    ROW,
    TALL_ROW,
    Chart,
    Values,
    intervals_of,
    series_style,
    values,
)
from engine.core.charts.labels import free_side
from engine.core.charts.style import COLORS, GRAY, laid, on_bars, theme
from engine.core.result import Table

if TYPE_CHECKING:
    import plotly.graph_objects as go


def axis_ends(run: Values, line: float) -> tuple[float, float]:
    """About where an axis ends that shows bars from 0 and a line."""
    points = [0.0, line, *run[np.isfinite(run)].tolist()]
    return min(points), max(points)


@dataclass(frozen=True, kw_only=True)
class AlongRows(Chart):
    """Values run to the right; the first row is on top."""

    def across(self, figure: go.Figure, table: Table, column: str) -> go.Figure:
        """Finish a chart of rows: values run to the right, the first row is on top."""
        if self.line is not None:
            low, high = self.span or axis_ends(values(table, column), self.line)
            figure.add_vline(
                x=self.line,
                line={"color": GRAY, "dash": "dot", "width": 2},
                annotation_text=self.line_name,
                annotation_position=f"bottom {free_side(self.line, low, high)}",
            )
        figure.update_xaxes(title=self.heading(table, column))
        if self.span is not None:
            figure.update_xaxes(range=self.span)
        figure.update_yaxes(type="category", autorange="reversed")
        names = max(
            (trace.y for trace in figure.data if trace.y is not None), key=len, default=[""]
        )
        row = TALL_ROW if any("<br>" in str(name) for name in names) else ROW
        named = sum(trace.showlegend is not False for trace in figure.data)
        room = NAME * max(named - 1, 0) if figure.layout.showlegend else 0
        return laid(figure, self.height or FRAME + row * len(names) + room)


@dataclass(frozen=True, kw_only=True)
class Bars(AlongRows):
    """A bar for each row, and behind it a gray range to compare with.

    Args:
        value: the column.
        between: the columns with the ends of the gray range, and what it is called.
        most: at most so many rows are drawn, those with the lowest values first; 0 for all rows in
            the table's order.
        texts: on the bars, a text for each row of the table.
        whole: whether each bar has its value beside it, without digits.
        color: the place of the bars' color among those of the theme.
    """

    value: str
    between: tuple[str, str, str] | None = None
    most: int = 0
    texts: Sequence[str] = ()
    whole: bool = False
    color: int = 0

    def figure(self, table: Table) -> go.Figure:
        import plotly.graph_objects as go

        rows = self.chosen(values(table, self.value))
        names = [self.labels(table)[at] for at in rows]
        figure = go.Figure()
        if self.between:
            low, high = (values(table, name)[rows] for name in self.between[:2])
            figure.add_bar(
                y=names,
                x=high - low,
                base=low,
                orientation="h",
                name=self.between[2],
                marker={"color": BAND},
                width=0.9,
                hoverinfo="skip",
            )
        drawn = values(table, self.value)[rows]
        texts = [self.texts[at] for at in rows] if self.texts else None
        figure.add_bar(
            y=names,
            x=drawn,
            orientation="h",
            name=self.value,
            marker={"color": COLORS[theme()][self.color]},
            width=0.6,
            text=[f"{value:z.0f}".replace("-", "−") for value in drawn] if self.whole else texts,
            textposition="outside" if self.whole else None,
            insidetextfont={"color": on_bars()},
            constraintext="none",
            cliponaxis=False,
        )
        if self.whole and self.span is None:
            figure.update_xaxes(range=scale_ends(drawn))
        figure.update_layout(barmode="overlay", showlegend=bool(self.between))
        return self.across(figure, table, self.value)

    def chosen(self, drawn: Values) -> list[int]:
        if not self.most:
            return list(range(len(drawn)))
        ascending = np.argsort(drawn, kind="stable")
        return [int(at) for at in ascending if np.isfinite(drawn[at]) and drawn[at]][: self.most]


def scale_ends(drawn: Values) -> tuple[float, float]:
    """The ends of a scale of bars, with room for the numbers beside them."""
    low, high = min(0.0, float(drawn.min())), max(10.0, float(drawn.max()))
    room = 0.25 * (high - low)
    return low - room if low < 0 else 0.0, high + room


@dataclass(frozen=True, kw_only=True)
class Dots(AlongRows):
    """Marks on each row, one for each column, with their intervals.

    What lies beyond the span of the axis is marked at its end.

    Args:
        series: columns with their names in the legend.
        intervals: for a column either the columns with its low and its high end, or one column with
            half its width.
        joined: whether a line joins the marks of a row.
        beside: a column whose numbers stand right of the marks, and how each is written.
    """

    series: Mapping[str, str]
    intervals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    joined: bool = False
    beside: tuple[str, str] | None = None

    def figure(self, table: Table) -> go.Figure:
        import plotly.graph_objects as go

        figure, names = go.Figure(), self.labels(table)
        if self.joined:
            ends = np.stack([values(table, column) for column in self.series])
            for name, low, high in zip(names, ends.min(0), ends.max(0), strict=True):
                figure.add_scatter(
                    x=[low, high],
                    y=[name, name],
                    mode="lines",
                    hoverinfo="skip",
                    line={"color": GRAY, "width": 3},
                    showlegend=False,
                )
        for at, (column, name) in enumerate(self.series.items()):
            figure.add_scatter(
                x=self.within(values(table, column)),
                y=names,
                name=name,
                mode="markers",
                marker=series_style(at) | {"size": 11},
                error_x=intervals_of(table, column, self.intervals.get(column, ())),
            )
        figure.update_layout(showlegend=len(self.series) > 1)
        figure = self.across(figure, table, next(iter(self.series)))
        return self.written(figure, table, names) if self.beside else figure

    def written(self, figure: go.Figure, table: Table, names: list[str]) -> go.Figure:
        """Write a number beyond each row's last mark or interval, with room for it."""
        assert self.beside  # noqa: S101 - asked only then
        column, form = self.beside
        drawn = [*self.series, *(end for ends in self.intervals.values() for end in ends)]
        last = np.stack([values(table, name) for name in drawn]).max(0)
        figure.add_scatter(
            x=last,
            y=names,
            mode="text",
            text=[f"  {form.format(number)}" for number in table[column]],
            textposition="middle right",
            hoverinfo="skip",
            cliponaxis=False,
            showlegend=False,
        )
        return figure.update_xaxes(range=self.span or (0, 1.3 * float(last.max())))

    def within(self, drawn: Values) -> Values:
        """Values no farther out than the axis."""
        return drawn if self.span is None else drawn.clip(*self.span)
