"""A table as a chart, with its finding in words and its numbers folded below."""

from __future__ import annotations

from components.charts import plots
from components.charts.tables import as_table
from components.draw.charts import Chart
from engine.result import Columns, Table


def chart(
    shape: Chart, table: Table | Columns, finding: str, key: str, *, wide: bool = False
) -> None:
    """Draw columns of a table.

    Args:
        shape: which columns, and how.
        table: the numbers; rows that `shape.names` renames are renamed in the folded table too.
        finding: the alt text and the caption: what the chart shows, with the figure that matters.
        key: of the chart.
        wide: whether it scrolls sideways in a narrow window.
    """
    plots.with_table(
        shape.figure(table), finding, {"numbers": renamed(table, shape)}, key, wide=wide
    )


def renamed(table: Table | Columns, shape: Chart) -> Table:
    """The numbers under the names that the chart gives its rows."""
    rows = tuple(shape.names or table.rows)
    if isinstance(table, Columns):
        return as_table(table, rows=rows or None)
    return Table(table.values, rows, table.columns, table.units)
