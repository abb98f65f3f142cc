"""A table as a chart, with its finding in words and its numbers folded below."""

from dataclasses import replace
from typing import Any

import numpy as np

from components.charts import plots
from components.charts.finished import finished_figure
from engine.core.charts.chart import Chart
from engine.core.result import Table


def draw_chart(shape: Chart, table: Table, finding: str, key: str, *, wide: bool = False) -> None:
    """Draw columns of a table.

    Args:
        shape: which columns, and how.
        table: the numbers; rows that `shape.names` renames are renamed in the folded table too.
        finding: the alt text and the caption: what the chart shows, with the figure that matters.
        key: of the chart.
        wide: whether it scrolls sideways in a narrow window.
    """
    numbers = {"numbers": replace(table, rows=tuple(shape.names or table.rows))}
    figure = finished_figure(replace(shape, press=shape.press and clicked).figure, table)
    plots.with_table(figure, finding, numbers, key, shape.press, wide=wide)


def clicked(_picked: Any) -> None:
    """Stands for any `press` in a chart that is kept: a figure shows whether there is one."""


def transpose(table: Table) -> Table:
    """A table whose columns are headed by numbers, such as "50 samples", with a row for each.

    Its first column has the numbers, under what they count; there is a column for each former row.
    """
    numbers, counted = zip(*(name.split(maxsplit=1) for name in table.columns), strict=True)
    columns = {counted[0]: (np.array(numbers, np.float32), "")}
    lines = zip(table.rows, table.values, strict=True)
    return Table.of(columns | {name: (line, table.units[0]) for name, line in lines})
