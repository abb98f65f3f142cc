"""Curves as columns of one table, so that they are drawn, read and taken along as tables are."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.core.charts.lines import Lines
from engine.core.result import Curve, Table

SHARE = "share"  # how the label of an axis begins that runs from none to all
PROBABILITY = (-0.03, 1.03)  # the span of an axis of probabilities


def as_columns(
    curves: Mapping[str, Curve], rows: Sequence[str] = (), x_unit: str | None = None
) -> Table:
    """Several curves over the places of the first one, a column each.

    Args:
        curves: by the names of their columns; others are read off between their own places.
        rows: names of the places.
        x_unit: of the places; "share" where their label says so.
    """
    first = next(iter(curves.values()))
    if x_unit is None:
        x_unit = "share" if first.x_label.startswith(SHARE) else ""
    columns = {first.x_label: (first.x, x_unit)}
    for name, curve in curves.items():
        name = f"{name} (value)" if name == first.x_label else name  # noqa: PLW2901
        columns[name] = (np.interp(first.x, curve.x, curve.y).astype(np.float32), curve.unit)
    return Table.of(columns, rows)


def all_lines(table: Table, title: str = "", **style: Any) -> Lines:
    """Every column over the first one; `style` as that of `Lines`."""
    across, *names = table.order
    span = PROBABILITY if set(table.units[1:]) == {"probability"} else None
    series = {name: name for name in names}
    return Lines(x=across, series=series, title=title, **{"span": span} | style)
