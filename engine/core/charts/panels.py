"""Bars of several columns side by side, each on a scale of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from engine.core.charts.chart import FRAME, ROW, Chart, Values, column_unit, values
from engine.core.charts.style import COLORS, GRAY, laid, theme, wrapped
from engine.core.result import Table

if TYPE_CHECKING:
    import plotly.graph_objects as go

TOP = 26  # px above the panels, for their titles
ROOM = 0.35  # of a panel's bars, for the texts beside them


@dataclass(frozen=True, kw_only=True)
class Panels(Chart):
    """A panel for each column, a bar for each row; the first row is on top.

    Args:
        panels: columns with their titles.
        texts: by column, a text beside each bar.
        hatched: by column, whether a bar is hatched.
        lines: by column, where a reference line stands, as it is drawn.
        ticks: of every panel.
    """

    panels: Mapping[str, str]
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    hatched: Mapping[str, Sequence[bool]] = field(default_factory=dict)
    lines: Mapping[str, float] = field(default_factory=dict)
    ticks: Sequence[float] | None = None

    def figure(self, table: Table) -> go.Figure:
        from plotly.subplots import make_subplots

        figure = make_subplots(
            1,
            len(self.panels),
            shared_yaxes=True,
            horizontal_spacing=0.05,
            subplot_titles=[f"<b>{wrapped(title)}</b>" for title in self.panels.values()],
        )
        figure.update_annotations(font={"size": 13})
        for at, name in enumerate(self.panels):
            where = {"row": 1, "col": at + 1}
            drawn, color = values(table, name), COLORS[theme()][at % len(COLORS[theme()])]
            shapes = ["/" if on else "" for on in self.hatched.get(name, [False] * len(drawn))]
            figure.add_bar(
                y=self.labels(table),
                x=np.nan_to_num(drawn),
                orientation="h",
                name=name,
                text=self.texts.get(name),
                textposition="outside",
                cliponaxis=False,
                marker={"color": color, "pattern": {"shape": shapes}},
                **where,
            )
            figure.update_xaxes(
                range=self.span or scale_ends(drawn),
                tickvals=self.ticks,
                title=self.title or column_unit(table, name),
                **where,
            )
            if name in self.lines:
                line = {"color": GRAY, "dash": "dash", "width": 2}
                figure.add_vline(x=self.lines[name], line=line, **where)
        figure.update_yaxes(type="category", autorange="reversed")
        figure.update_layout(showlegend=False, bargap=0.3)
        rows = len(values(table, next(iter(self.panels))))
        laid(figure, self.height or FRAME + TOP + ROW * rows)
        return figure.update_layout(margin_t=30 + TOP)


def scale_ends(drawn: Values) -> tuple[float, float]:
    """From zero to the longest bars on both sides, with room for their texts."""
    known = np.append(drawn[np.isfinite(drawn)], 0.0)
    low, high = float(known.min()), float(known.max())
    room = ROOM * (high - low or 1.0)
    return (low - room if low < 0 else 0.0), high + room
