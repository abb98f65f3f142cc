"""Rows of a table as lines over the numbers that head its columns, such as "50 samples"."""

from collections.abc import Callable

from components.draw.tables import transpose
from engine.core.charts.curves import all_lines
from engine.core.charts.drawing import Drawing
from engine.core.result import Table


def over_columns(view: str, title: str, axis: str, finding: Callable[[Table], str]) -> Drawing:
    """A line for each row."""
    return Drawing(
        view,
        title,
        lambda result: all_lines(transpose(result[view]), axis),
        lambda result: finding(result[view]),
        part=transpose,
    )
