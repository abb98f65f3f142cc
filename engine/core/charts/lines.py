"""Charts with two axes of numbers: lines with bands, and scattered points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.charts.chart import (
    BAND,
    HEIGHT,
    Chart,
    Values,
    column_title,
    intervals_of,
    series_style,
    style_index,
    values,
)
from engine.core.charts.labels import annotate, free_side
from engine.core.charts.style import DASHES, GRAY, laid
from engine.core.result import Table

if TYPE_CHECKING:
    import plotly.graph_objects as go

FEW = 24  # places at which a line has marks
DASH = {"color": GRAY, "symbol": "line-ew-open", "line": {"width": 2}}  # a mark that hides none


@dataclass(frozen=True, kw_only=True)
class Lines(Chart):
    """Columns over another one, with bands.

    Args:
        x: the column they are drawn over; the rows' names if it is "".
        series: columns with their names in the legend; all but x, as they are called, if not given.
        bands: by the column it belongs to, the columns with the low and the high end of a band;
            and what it is called in the legend.
        intervals: as those of `Dots`.
        apart: how far the next column's marks are moved to the right, so that intervals stay apart.
        x_title: of the horizontal axis; the column's name and unit if not given.
        log: whether the horizontal axis has a scale of decades.
        y_log: the same of the vertical axis.
        now: a place on the horizontal axis that is marked.
        now_name: what stands beside it.
        mark: a point that is marked, and its name in the legend.
        near: half the width of a gray band around `line`, instead of a line.
        x_span: of the horizontal axis, as it is drawn; in decades where it has a scale of decades.
        ticks: of the horizontal axis.
        joined: columns whose marks of one place are joined, instead of a line along each column;
            the others are drawn as gray dashes, which hide none.
    """

    x: str
    series: Mapping[str, str] = field(default_factory=dict)
    bands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    intervals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    apart: float = 0.0
    mark: tuple[float, float, str] | None = None
    near: float = 0.0
    x_span: tuple[float, float] | None = None
    ticks: Sequence[float] | None = None
    x_title: str = ""
    log: bool = False
    y_log: bool = False
    now: float | None = None
    now_name: str = ""
    joined: Sequence[str] = ()

    def side_of(self, now: float, across: Values) -> str:
        """On which side of a place its name has room, among the places that are drawn."""
        if not self.x:
            return "right"
        places = np.array([now, *across[np.isfinite(across)]], np.float64)
        if self.log:
            places = np.log10(places)
        low, high = self.x_span or (float(places.min()), float(places.max()))
        return free_side(float(places[0]), low, high)

    def figure(self, table: Table) -> go.Figure:
        import plotly.graph_objects as go

        figure = go.Figure()
        series = self.series or {name: name for name in table.order if name != self.x}
        across = values(table, self.x) if self.x else np.array(self.labels(table))
        mode = "lines+markers" if len(across) <= FEW else "lines"
        if self.joined:
            mode = "markers"
            add_joints(figure, across, [values(table, column) for column in self.joined])
        for at, (column, name) in enumerate(series.items()):
            mark = DASH if self.joined and column not in self.joined else series_style(at)
            moved = across + at * self.apart if self.apart else across
            if column in self.bands:
                low, high, *called = self.bands[column]
                add_band(figure, across, values(table, low), values(table, high), *called)
            figure.add_scatter(
                x=moved,
                y=values(table, column),
                name=name,
                mode=mode,
                error_y=intervals_of(table, column, self.intervals.get(column, ())),
                line={"color": mark["color"], "dash": DASHES[style_index(at)], "width": 2.5},
                marker=mark | {"size": 8},
            )
        if self.mark:
            x, y, name = self.mark
            style = series_style(len(series)) | {"size": 15, "symbol": "star-diamond"}
            figure.add_scatter(x=[x], y=[y], name=name, mode="markers", marker=style)
        if self.line is not None and self.near:
            figure.add_hrect(
                y0=self.line - self.near, y1=self.line + self.near, fillcolor=BAND, line_width=0
            )
        elif self.line is not None:
            figure.add_hline(
                y=self.line,
                line={"color": GRAY, "dash": "dot", "width": 2},
                annotation_text=self.line_name,
                annotation_position="bottom right",
            )
        if self.now is not None:
            line = {"color": GRAY, "width": 2}
            side = f"bottom {self.side_of(self.now, across)}"
            note = {"annotation_text": self.now_name, "annotation_position": side}
            figure.add_vline(x=self.now, line=line, **(note if self.now_name else {}))
        kind = "log" if self.log else "linear" if self.x else "category"
        x_title = self.x_title or (column_title(table, self.x) if self.x else "")
        figure.update_xaxes(title=x_title, type=kind, range=self.x_span, tickvals=self.ticks)
        heading = self.heading(table, next(iter(series)))
        figure.update_yaxes(
            title=heading,
            range=self.span,
            hoverformat=".3g",
            type="log" if self.y_log else "linear",
        )
        legend_count = sum(trace.showlegend is not False for trace in figure.data)
        figure.update_layout(
            showlegend=legend_count > 1 or self.mark is not None,
            # Over a whole column, Plotly would take any click for one on the last series.
            hovermode="closest" if self.press else "x unified",
            legend_traceorder="normal",
        )
        return laid(figure, self.height or HEIGHT)


@dataclass(frozen=True, kw_only=True)
class Scatter(Chart):
    """A point for each row.

    Args:
        x, y: the columns; a row that lacks either is left out.
        x_title: of the horizontal axis; the column's name and unit if not given.
        x_span: of the horizontal axis, as it is drawn; in decades where it has a scale of decades.
        ticks: of the horizontal axis.
        log: whether the horizontal axis has a scale of decades.
        y_log: the same of the vertical axis.
        shown: whether each point's name stands beside it; else it is in the hover text.
        intervals: as those of `Dots`, of x and of y.
        groups: a column with the number of each point's group, and the groups' names.
        rays: lines of a constant ratio y / x, by their names.
        size: of a point, in px.
        bare: whether the axes carry no numbers, because only neighborhoods count.
    """

    x: str
    y: str
    x_title: str = ""
    x_span: tuple[float, float] | None = None
    ticks: Sequence[float] | None = None
    log: bool = False
    y_log: bool = False
    shown: bool = False
    intervals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: tuple[str, Sequence[str]] = ("", ("",))
    rays: Mapping[str, float] = field(default_factory=dict)
    size: int = 11
    bare: bool = False

    def figure(self, table: Table) -> go.Figure:
        import plotly.graph_objects as go

        x, y = values(table, self.x), values(table, self.y)
        known = np.isfinite(x) & np.isfinite(y)
        column, groups = self.groups
        group = np.asarray(table[column])[known] if column else np.zeros(known.sum())
        names = np.array(self.names or table.rows or [""] * len(known))[known]
        drawn = table.take(np.flatnonzero(known).tolist())
        x, y = x[known], y[known]
        figure = go.Figure()
        for at, name in enumerate(groups):
            members = group == at
            part = drawn.take(np.flatnonzero(members).tolist())
            figure.add_scatter(
                x=x[members],
                y=y[members],
                hovertext=names[members],
                mode="markers",
                name=name,
                marker=series_style(at) | {"size": self.size},
                error_x=intervals_of(part, self.x, self.intervals.get(self.x, ())),
                error_y=intervals_of(part, self.y, self.intervals.get(self.y, ())),
            )
        self.add_rays(figure, x)
        across, up = (np.log10(x) if self.log else x), (np.log10(y) if self.y_log else y)
        spans = self.spans(across, up)
        if self.shown:
            annotate(figure, across, up, names.tolist(), spans)
        if self.line is not None:
            figure.add_hline(
                y=self.line,
                line={"color": GRAY, "dash": "dot", "width": 2},
                annotation_text=self.line_name,
                annotation_position="top right",
            )
        figure.update_xaxes(
            title=self.x_title or column_title(table, self.x),
            type="log" if self.log else "linear",
            range=spans[0],
            tickvals=self.ticks,
        )
        figure.update_yaxes(
            title=self.heading(table, self.y),
            range=spans[1],
            type="log" if self.y_log else "linear",
        )
        if self.bare:
            figure.update_xaxes(showticklabels=False).update_yaxes(showticklabels=False)
        figure.update_layout(showlegend=len(groups) + len(self.rays) > 1)
        return laid(figure, self.height or HEIGHT)

    def add_rays(self, figure: go.Figure, x: Values) -> None:
        """The lines of a constant ratio, over the points' range."""
        ends = np.array([x.min(), x.max()]) if len(x) else np.array([1e-9, 1.0])
        for at, (name, ratio) in enumerate(self.rays.items()):
            figure.add_scatter(
                x=ends,
                y=ratio * ends,
                mode="lines",
                name=name,
                hoverinfo="skip",
                line={"color": GRAY, "width": 2, "dash": DASHES[at % len(DASHES)]},
            )

    def spans(self, x: Values, y: Values) -> tuple[tuple[float, float], tuple[float, float]]:
        """Of the two axes: as given, or with some room around the points."""
        line = [] if self.line is None else [self.line]
        return self.x_span or roomy(x), self.span or roomy(np.append(y, line))


def roomy(drawn: Values) -> tuple[float, float]:
    """From a little below the lowest to a little above the highest."""
    if not len(drawn):
        return 0.0, 1.0
    low, high = float(drawn.min()), float(drawn.max())
    room = 0.08 * (high - low) or 0.5
    return low - room, high + room


def add_joints(figure: go.Figure, across: Values, series: Sequence[Values]) -> None:
    """A thin line at each place, through the values that stand there."""
    gap = np.full(len(across), np.nan)
    figure.add_scatter(
        x=np.column_stack([across for _ in (*series, gap)]).ravel(),
        y=np.column_stack([*series, gap]).ravel(),
        mode="lines",
        hoverinfo="skip",
        line={"color": GRAY, "width": 0.7},
        showlegend=False,
    )


def add_band(
    figure: go.Figure, across: Values, low: Values, high: Values, called: str = ""
) -> None:
    edge: dict[str, Any] = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_scatter(x=across, y=low, showlegend=False, **edge)
    figure.add_scatter(
        x=across,
        y=high,
        fill="tonexty",
        fillcolor=BAND,
        name=called or None,
        showlegend=bool(called),
        **edge,
    )
