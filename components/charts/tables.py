"""The numbers of a result as a table: the twin of every drawing."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from components.folded import folded
from components.widgets.wording import short_number
from engine.core.charts.words import NONE
from engine.core.result import Table, distinct

NUMBERS = "The numbers as a table"
SPOKEN = {"nat": "nats"}  # units that are many


def show_table(view: Table, key: str, *, whole: bool = False) -> None:
    """The table with its units; what is not known is a dash. A whole one does not scroll."""
    frame = framed(view)
    styled = frame.style.format(dict(zip(frame.columns, formats(view), strict=True)), na_rep=NONE)
    st.dataframe(
        styled,
        height="content" if whole else "auto",
        key=key,
        alt=f"Table of {len(view)} rows: {', '.join(view.columns)}",
    )


def figure_list(view: Table) -> None:
    frame = framed(view)
    st.table(frame.style.format(dict(zip(frame.columns, formats(view), strict=True)), na_rep=NONE))


def as_column(view: Table, name: str) -> Table:
    """One row of many shares as one column of that name; those that are not known are left out."""
    (row,) = view.values
    finite = np.flatnonzero(np.isfinite(row)).tolist()
    names = [view.order[at] for at in finite]
    return Table.grid(row[finite, None], names, (name,), ("probability",))


def framed(view: Table) -> pd.DataFrame:
    """A column for each of the view's, its unit in the heading; no two names are the same.

    Rows without a name are numbered from 1.
    """
    headings = [
        name if unit in {"", "yes or no", "share"} else f"{name} ({SPOKEN.get(unit, unit)})"
        for name, unit in zip(view.columns, view.units, strict=True)
    ]
    rows = distinct(view.rows or [str(at + 1) for at in range(len(view))])
    return pd.DataFrame(view.values, index=rows, columns=distinct(headings))


def formats(view: Table) -> list[Any]:
    kinds = {"yes or no": yes_or_no, "share": whole_percent, "probability": decimals}
    return [kinds.get(unit, number_text) for unit in view.units]


def yes_or_no(value: float) -> str:
    return NONE if not np.isfinite(value) else "yes" if value else "no"


def whole_percent(value: float) -> str:
    return f"{100 * value:.0f} %" if np.isfinite(value) else NONE


def decimals(value: float) -> str:
    return f"{value:.3f}".replace("-", "−") if np.isfinite(value) else NONE


def number_text(value: float) -> str:
    return short_number(value) if np.isfinite(value) else NONE


def fold_numbers(tables: Mapping[str, Table]) -> None:
    """The twin of a drawing: its numbers, folded away and drawn when they are unfolded."""

    def each() -> None:
        for key, view in tables.items():
            show_table(view, key)

    folded(NUMBERS, f"{next(iter(tables))}.folded", each)
