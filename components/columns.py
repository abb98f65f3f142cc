"""Named columns of a result as a table that the charts' helpers can draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.result import Columns, Table


def as_table(
    view: Columns, names: Sequence[str] | None = None, rows: Sequence[str] | None = None
) -> Table:
    """The named columns, all when left out; rows without a name are numbered from 1."""
    chosen = tuple(names or view.order)
    units = dict(zip(view.order, view.units, strict=True))
    values = np.stack([np.asarray(view[name], np.float64) for name in chosen], 1)
    named = tuple(rows or view.rows or (str(at + 1) for at in range(len(view))))
    return Table(values.astype(np.float32), named, chosen, tuple(units[name] for name in chosen))
