"""Views that are read as figures: curves, scores, rankings and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from engine.result.view import Array, Floats, View


@dataclass(frozen=True, eq=False)
class Curve(View):
    """y against x, both (n,)."""

    x: Floats
    y: Floats
    x_label: str
    y_label: str
    unit: str


@dataclass(frozen=True, eq=False)
class Scores(View):
    """One number for each label, (n,)."""

    values: Floats
    labels: tuple[str, ...]
    unit: str

    def __getitem__(self, label: str) -> float:
        """One number. Raises ValueError for a label that is not there."""
        return float(self.values[self.labels.index(label)])


@dataclass(frozen=True, eq=False)
class Ranking(View):
    """The best few classes of each of n images, best first, all (n, k)."""

    values: Floats
    classes: Array  # their numbers
    labels: tuple[tuple[str, ...], ...]
    unit: str


@dataclass(frozen=True, eq=False)
class Table(View):
    """Numbers in rows and named columns, (rows, columns); NaN where there is none."""

    values: Floats
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    units: tuple[str, ...]  # of each column

    @property
    def order(self) -> tuple[str, ...]:
        """The names of the columns from left to right."""
        return self.columns

    def __getitem__(self, name: str) -> Floats:
        """A column, (rows,). Raises ValueError for a name that is not there."""
        return self.values[:, self.columns.index(name)]

    def cell(self, row: str, column: str) -> float:
        """One number. Raises ValueError for a name that is not there."""
        return float(self[column][self.rows.index(row)])


@dataclass(frozen=True, eq=False)
class Columns(View):
    """Named columns of equal length, (rows,) each, of whatever numbers; NaN where there is none.

    Args:
        columns: by name.
        order: the names from left to right.
        units: of each, in that order.
        rows: a name for each row; none where a row has no name.
        notes: a sentence for each row, "" where there is nothing to say; or none at all.

    Raises:
        ValueError: they do not belong together.
    """

    columns: Mapping[str, Array]
    order: tuple[str, ...]
    units: tuple[str, ...]
    rows: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if sorted(self.order) != sorted(self.columns) or len(self.units) != len(self.order):
            raise ValueError("every column has one place and one unit")
        lengths = {len(column) for column in self.columns.values()}
        lengths |= {len(names) for names in (self.rows, self.notes) if names}
        if len(lengths) > 1:
            raise ValueError(f"columns of one table have different lengths: {sorted(lengths)}")

    def __getitem__(self, name: str) -> Array:
        """A column, (rows,)."""
        return self.columns[name]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def cell(self, row: str, column: str) -> float:
        """One number. Raises ValueError or KeyError for a name that is not there."""
        return float(self.columns[column][self.rows.index(row)])

    def take(self, places: Sequence[int]) -> Self:
        """Some of its rows, in the order of their places."""
        chosen = np.asarray(places, np.int64)
        rows, notes = (
            tuple(words[place] for place in chosen) if words else ()
            for words in (self.rows, self.notes)
        )
        columns = {name: column[chosen] for name, column in self.columns.items()}
        return replace(self, columns=columns, rows=rows, notes=notes)

    @classmethod
    def of(
        cls,
        columns: Mapping[str, tuple[Any, str]],
        rows: Sequence[str] = (),
        notes: Sequence[str] = (),
    ) -> Self:
        """From columns with their units, in their order."""
        held = {name: np.asarray(values) for name, (values, _) in columns.items()}
        units = tuple(unit for _, unit in columns.values())
        return cls(held, tuple(columns), units, tuple(rows), tuple(notes))
