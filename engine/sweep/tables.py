"""The numbers of a sweep as CSV and Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from engine.sweep.plan import SweepQuestion
from engine.sweep.rows import FIXED, SweepRow, columns_of

FORMULA = "=+-@\t\r"  # how text begins that a spreadsheet computes
NUMBERS = {"confidence": pa.float64(), "seconds": pa.float64(), "correct": pa.bool_()}


def table_of(rows: Sequence[SweepRow]) -> Any:
    """A row for each answer; figures that an answer has not are empty."""
    columns = columns_of(rows)
    kinds = {name: NUMBERS.get(name, pa.string()) for name in FIXED}
    return pa.table(
        {name: pa.array(held, kinds.get(name, pa.float64())) for name, held in columns.items()}
    )


def plain(table: Any) -> Any:
    """The same for a spreadsheet: text that it would take for a formula begins with '."""
    for at, held in enumerate(table.schema):
        if pa.types.is_string(held.type):
            column = [
                f"'{text}" if text and text[0] in FORMULA else text
                for text in table[held.name].to_pylist()
            ]
            table = table.set_column(at, held, pa.array(column, held.type))
    return table


def as_csv(rows: Sequence[SweepRow]) -> bytes:
    """The table as CSV."""
    file = BytesIO()
    pyarrow.csv.write_csv(plain(table_of(rows)), file)
    return file.getvalue()


def as_parquet(rows: Sequence[SweepRow]) -> bytes:
    """The table as Parquet, compressed by zstd."""
    file = BytesIO()
    pyarrow.parquet.write_table(table_of(rows), file, compression="zstd")
    return file.getvalue()


def left_out(questions: Sequence[tuple[SweepQuestion, str]]) -> bytes:
    """The questions without an answer, each with the reason, as CSV."""
    rows = [
        {
            "image": one.image.title if one.image else "",
            "method": one.method,
            "settings": ",".join(f"{name}={value}" for name, value in one.settings),
            "arguments": ",".join(f"{name}={value}" for name, value in one.given),
            "reason": problem,
        }
        for one, problem in questions
    ]
    file = BytesIO()
    pyarrow.csv.write_csv(plain(pa.Table.from_pylist(rows)), file)
    return file.getvalue()
