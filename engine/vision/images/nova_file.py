"""NOVA's table of annotations (Parquet), read in the reader process: paths, kinds and gold boxes.

A row is an image: `image_path`, `bboxes` (each with x, y, width, height in px of the image, and the
`source` "gold" or a rater's name) and `meta` with `final_diagnosis`. Captions and histories of
patients are never read.
"""

import os
from math import isfinite
from typing import Any

import numpy as np

from engine.core.errors import BadImage
from engine.vision.foreign_text import read_json
from engine.vision.images.wire import Arrays, Words

MOST_ROWS = 20_000
MOST_BOXES = 50  # of an image
MOST_TEXT = 20_000  # characters of a text in the table
SIDES = ("x", "y", "width", "height")
AT_ONCE = 64  # rows


def read_annotations(data: bytes, called: str) -> tuple[Words, Arrays]:
    """Words: paths and kinds, one for each row. Array: row, x, y, width, height of boxes, (M, 5).

    Raises:
        BadImage: it is no such table.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # others reserve gigabytes
    import pyarrow as pa
    from pyarrow import parquet

    pa.set_cpu_count(1)
    try:
        table = parquet.ParquetFile(pa.BufferReader(data), pre_buffer=False)
    except pa.ArrowInvalid as error:
        raise BadImage(f"{called} is no Parquet table, or damaged: download it again.") from error
    names = set(table.schema_arrow.names)
    if missing := {"image_path", "bboxes"} - names:
        raise BadImage(
            f"{called} has no column “{min(missing)}”: NOVA's table has image_path and bboxes."
        )
    if table.metadata.num_rows > MOST_ROWS:
        raise BadImage(f"{called} has more than {MOST_ROWS:,} rows: give fewer.")
    columns = ["image_path", "bboxes"]
    if "meta" in names:
        nested = pa.types.is_struct(table.schema_arrow.field("meta").type)
        columns.append("meta.final_diagnosis" if nested else "meta")
    paths: list[str] = []
    kinds: list[str] = []
    boxes: list[tuple[float, ...]] = []
    for batch in table.iter_batches(AT_ONCE, columns=columns, use_threads=False):
        for row in batch.to_pylist():
            boxes += [(len(paths), *box) for box in gold(row["bboxes"], called)]
            paths.append(text(row["image_path"], called))
            meta = json_value(row.get("meta"), called)
            kind = meta.get("final_diagnosis") if isinstance(meta, dict) else ""
            kinds.append(text(kind, called))
            if len(paths) > MOST_ROWS:
                raise BadImage(f"{called} has more than {MOST_ROWS:,} rows: give fewer.")
    result = np.array(boxes, np.float64).reshape(-1, 1 + len(SIDES))
    return {"paths": paths, "kinds": kinds}, [result]


def gold(boxes: Any, called: str) -> list[tuple[float, ...]]:
    entries = json_value(boxes, called) or []
    if not isinstance(entries, list) or not all(isinstance(element, dict) for element in entries):
        raise BadImage(f"{called}: “bboxes” should be a list of boxes for each image.")
    results = []
    for entry in entries:
        if entry.get("source") != "gold":
            continue
        box = tuple(entry.get(side) for side in SIDES)
        if not all(isinstance(n, int | float) and isfinite(n) for n in box) or min(box[2:]) <= 0:
            raise BadImage(f"{called}: a box has no four numbers with a width and height above 0.")
        results.append(box)
    if len(results) > MOST_BOXES:
        raise BadImage(f"{called} gives an image {len(results)} boxes; at most {MOST_BOXES} count.")
    return results


def json_value(cell: Any, called: str) -> Any:
    """A value of the table, or what its text stands for where it is kept as JSON."""
    if not isinstance(cell, str):
        return cell
    try:
        return read_json(text(cell, called), MOST_TEXT)
    except ValueError as error:
        raise BadImage(f"{called}: a text that should be JSON is none.") from error


def text(given: Any, called: str) -> str:
    """A text of bounded length; "" where there is none."""
    cleaned = given if isinstance(given, str) else ""
    if len(cleaned) > MOST_TEXT:
        raise BadImage(f"{called} has a text of more than {MOST_TEXT:,} characters.")
    return cleaned
