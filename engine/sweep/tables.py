"""The numbers of a sweep as CSV and Parquet."""

from collections.abc import Sequence
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet

from engine.core.result.spreadsheet import csv_text
from engine.sweep.plan import SweepQuestion
from engine.sweep.rows import FIXED, SweepRow, columns_of

NUMBERS = {"confidence": pa.float64(), "seconds": pa.float64(), "correct": pa.bool_()}


def as_csv(rows: Sequence[SweepRow]) -> bytes:
    columns = columns_of(rows)
    return csv_text([*columns], zip(*columns.values(), strict=True)).encode()


def as_parquet(rows: Sequence[SweepRow]) -> bytes:
    """The table as Parquet, compressed by zstd."""
    file = BytesIO()
    columns = columns_of(rows)
    kinds = {name: NUMBERS.get(name, pa.string()) for name in FIXED}
    table = pa.table(
        {name: pa.array(column, kinds.get(name, pa.float64())) for name, column in columns.items()}
    )
    pyarrow.parquet.write_table(table, file, compression="zstd")
    return file.getvalue()


def left_out(questions: Sequence[tuple[SweepQuestion, str]]) -> bytes:
    """The questions without an answer, each with the reason, as CSV."""
    rows = (
        (
            question.image.title if question.image else "",
            question.method,
            ",".join(f"{name}={value}" for name, value in question.settings),
            ",".join(f"{name}={value}" for name, value in question.given),
            problem,
        )
        for question, problem in questions
    )
    return csv_text(("image", "method", "settings", "arguments", "reason"), rows).encode()
