"""Bars made of parts, one behind the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.charts.bars import AlongRows
from engine.core.charts.chart import ROW, column_unit, values
from engine.core.charts.style import COLORS, GRAY, INK, on_bars, theme
from engine.core.result import Table

if TYPE_CHECKING:
    import plotly.graph_objects as go

SHAPES = ("", "/", ".", "x", "+")  # of the parts, so that color alone says nothing
LEAST = 0.06  # of the longest bar, below which a number does not fit into a part
HOLLOW = {
    "color": "rgba(0,0,0,0)",
    "line": {"width": 1, "color": GRAY},
    "pattern": {"shape": "/", "fgcolor": GRAY, "fgopacity": 0.35, "size": 12, "solidity": 0.1},
}


def part_style(color: str, shape: str) -> dict[str, Any]:
    """How a part of this color and pattern is drawn."""
    return {
        "color": color,
        "line": {"width": 1, "color": "rgba(0,0,0,0.6)"},
        "pattern": {"shape": shape, "fillmode": "overlay", "fgopacity": 0.35},
    }


@dataclass(frozen=True, kw_only=True)
class Stacked(AlongRows):
    """A bar for each row, made of one part for each column.

    Args:
        parts: columns with their names in the legend; those of one name look alike.
        rest: the column that is drawn in gray, such as whatever is left.
        hollow: the column that is drawn empty, hatched in gray, such as what counts for nothing.
        written: whether the numbers stand in the parts.
    """

    parts: Mapping[str, str]
    rest: str = ""
    hollow: str = ""
    written: bool = False

    def figure(self, table: Table) -> go.Figure:
        import plotly.graph_objects as go

        figure, names = go.Figure(), list(dict.fromkeys(self.parts.values()))
        whole = np.nansum([values(table, column) for column in self.parts], 0).max()
        named: set[str] = set()
        for column, name in self.parts.items():
            at, drawn = (
                names.index(name),
                np.nan_to_num(values(table, column)),
            )  # NaN is not stacked
            color = GRAY if column == self.rest else COLORS[theme()][at % len(COLORS[theme()])]
            look, ink = part_style(color, SHAPES[at % len(SHAPES)]), on_bars()
            if column == self.hollow:
                look, ink = HOLLOW, INK[theme()]
            sign = f" {column_unit(table, column)}".rstrip()
            texts = [f"{value:.0f}{sign}" if value >= LEAST * whole else "" for value in drawn]
            figure.add_bar(
                y=self.labels(table),
                x=drawn,
                orientation="h",
                name=name,
                legendgroup=name,
                showlegend=name not in named,
                hovertext=column,
                marker=look,
                text=texts if self.written else None,
                textposition="inside",
                insidetextanchor="middle",
                insidetextfont={"color": ink},
            )
            named.add(name)
        gap = 0.15 if self.height else 0.35  # where rows are low, bars have room for numbers
        figure.update_layout(barmode="stack", bargap=gap, legend_traceorder="normal")
        self.across(figure, table, next(iter(self.parts)))
        return figure.update_layout(height=figure.layout.height + ROW // 2 * len(table.rows))
