"""Views that are read as figures: curves, scores, rankings and tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from engine.core.result.spreadsheet import csv_text
from engine.core.result.view import Array, Floats, View


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
        object.__setattr__(self, "columns", {name: self.columns[name] for name in self.order})

    def __getitem__(self, name: str) -> Array:
        """A column, (rows,)."""
        return self.columns[name]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    @property
    def values(self) -> Array:
        """All numbers, (rows, columns), in the type that holds those of every column."""
        return np.stack(list(self.columns.values()), 1)

    def cell(self, row: str, column: str) -> float:
        """One number. Raises ValueError or KeyError for a name that is not there."""
        return float(self.columns[column][self.rows.index(row)])

    def select(self, names: Sequence[str]) -> Self:
        """Some of its columns, in the order of the names."""
        units = dict(zip(self.order, self.units, strict=True))
        columns = {name: self.columns[name] for name in names}
        return replace(
            self, columns=columns, order=tuple(names), units=tuple(units[name] for name in names)
        )

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Some of its columns under other names."""
        columns = {names.get(name, name): column for name, column in self.columns.items()}
        return replace(self, columns=columns, order=tuple(columns))

    def take(self, places: Sequence[int]) -> Self:
        """Some of its rows, in the order of their places."""
        chosen = np.asarray(places, np.int64)
        rows, notes = (
            tuple(words[place] for place in chosen) if words else ()
            for words in (self.rows, self.notes)
        )
        columns = {name: column[chosen] for name, column in self.columns.items()}
        return replace(self, columns=columns, rows=rows, notes=notes)

    def csv(self) -> str:
        """As text, a column named "row" first where its rows have names."""
        head, lines = list(self.order), list(self.columns.values())
        if self.rows:
            head, lines = ["row", *head], [np.array(self.rows), *lines]
        return csv_text(head, zip(*lines, strict=True))

    @classmethod
    def of(
        cls,
        columns: Mapping[str, tuple[Any, str]],
        rows: Sequence[str] = (),
        notes: Sequence[str] = (),
    ) -> Self:
        """From columns with their units, in their order."""
        arrays = {name: np.asarray(values) for name, (values, _) in columns.items()}
        units = tuple(unit for _, unit in columns.values())
        return cls(arrays, tuple(columns), units, tuple(rows), tuple(notes))

    @classmethod
    def grid(
        cls, values: Array, rows: Sequence[str], columns: Sequence[str], units: Sequence[str]
    ) -> Self:
        """From numbers (rows, columns); a column's name that comes again is numbered."""
        names, numbers = distinct(columns), np.reshape(values, (len(rows), len(columns)))
        arrays = dict(zip(names, np.ascontiguousarray(numbers.T), strict=True))
        return cls(arrays, tuple(names), tuple(units), tuple(rows))


def distinct(names: Sequence[str]) -> list[str]:
    """The names, those that come again numbered: "crane" and "crane (2)".

    A number is passed over where another of the names has it already.
    """
    taken, counts, result = set(names), Counter[str](), []
    for name in names:
        counts[name] += 1
        new = name
        if counts[name] > 1:
            while (new := f"{name} ({counts[name]})") in taken:
                counts[name] += 1
        taken.add(new)
        result.append(new)
    return result
