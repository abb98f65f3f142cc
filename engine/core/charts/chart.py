"""Charts of a table's columns: bars, dots with intervals, lines with bands, and scattered points.

A chart names columns; the table brings values, units and row names. Shares are drawn in percent.
Series differ in color, in symbol and in dash, so that color alone says nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.core.charts.drawing import DrawnAs
from engine.core.charts.style import COLORS, SYMBOLS, theme, wrapped
from engine.core.result import Table

if TYPE_CHECKING:
    import plotly.graph_objects as go

BAND = "rgba(128, 128, 128, 0.28)"
HEIGHT, ROW, FRAME = 340, 26, 110  # px: of a plot, of a row in it, and around rows
TALL_ROW = 34  # px: of a row whose name has two lines
NAME = 19  # px of a name in the legend, where each has a line of its own
Values = NDArray[np.float64]


def values(table: Table, column: str) -> Values:
    """A column as it is drawn, (rows,): shares in percent."""
    unit = table.units[table.order.index(column)]
    return np.asarray(table[column], np.float64) * (100 if unit == "share" else 1)


def column_unit(table: Table, column: str) -> str:
    """The unit a column is drawn in."""
    unit = table.units[table.order.index(column)]
    return "%" if unit == "share" else unit


@dataclass(frozen=True, kw_only=True)
class Chart(DrawnAs, ABC):
    """How columns of a table are drawn.

    Args:
        title: of the axis of values; the column's name and unit if not given.
        line: where a reference line stands, such as chance or no change, as it is drawn.
        line_name: what stands beside it.
        span: of the axis of values, as it is drawn.
        names: of rows, where they are not the table's.
        height: px; by the number of rows if not given.
        press: is told by Streamlit of a mark that is clicked; without it none can be.
    """

    title: str = ""
    line: float | None = None
    line_name: str = ""
    span: tuple[float, float] | None = None
    names: Sequence[str] = ()
    height: int = 0
    press: Callable[[Any], None] | None = None

    @abstractmethod
    def figure(self, table: Table) -> go.Figure:
        """The chart of a table."""

    def heading(self, table: Table, column: str) -> str:
        """The title of the axis of values."""
        return self.title or column_title(table, column)

    def labels(self, table: Table) -> list[str]:
        """The names of the rows."""
        return [wrapped(name) for name in (self.names or table.rows)]


def column_title(table: Table, column: str) -> str:
    """A column's name with the unit it is drawn in."""
    drawn_in = column_unit(table, column)
    return f"{column} ({drawn_in})" if drawn_in and drawn_in != column else column


def series_style(at: int) -> dict[str, Any]:
    """The color and the symbol of a series."""
    inks = COLORS[theme()]
    return {"color": inks[at % len(inks)], "symbol": SYMBOLS[style_index(at)]}


def style_index(at: int) -> int:
    """The place of a series' symbol and dash: two of one color never have the same ones."""
    return (at + at // len(SYMBOLS)) % len(SYMBOLS)


def intervals_of(table: Table, column: str, ends: Sequence[str]) -> dict[str, Any] | None:
    """A column's intervals as Plotly takes them.

    Args:
        table: the numbers.
        column: the middle of each interval.
        ends: the columns with its low and its high end, or one column with half its width.
    """
    drawn = [values(table, name) for name in ends]
    if not drawn:
        return None
    if len(drawn) == 1:
        half = np.nan_to_num(drawn[0])
        return {"array": half, "visible": bool(half.any())}
    middle = values(table, column)
    return {"array": drawn[1] - middle, "arrayminus": middle - drawn[0], "symmetric": False}
