"""Files in NOVA's format, made here: a table of boxes beside images, whole and broken ones."""

import io
import json

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from tests.hostile.archives import zipped
from tests.in_memory import png

TABLE = "Nova/data/nova-v1.parquet"


def box(x, y, width, height, source="gold"):
    return {"x": x, "y": y, "width": width, "height": height, "source": source}


def row(at, boxes, kind="glioma", **more):
    """A row as the benchmark has it, with texts that nobody may read."""
    return {
        "image_path": f"images/case{at:04}_001.png",
        "filename": f"case{at:04}_001.png",
        "case_id": f"case{at:04}",
        "scan_id": "001",
        "caption_text": "SECRET caption",
        "meta": {"clinical_history": "SECRET history", "final_diagnosis": kind},
        "bboxes": boxes,
    } | more


def table(rows, **options):
    buffer = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows), buffer, **options)
    return buffer.getvalue()


def files(rows, images):
    """The folder of the benchmark: its table, and an image (H, W) or (H, W, 3) for each row."""
    paths = [f"Nova/{table_row['image_path']}" for table_row in rows]
    return {TABLE: table(rows), **dict(zip(paths, map(png, images), strict=True))}


def write(folder, files):
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def with_table(content):
    """A zip whose table is this one."""
    return zipped({TABLE: content, "Nova/images/case0000_001.png": png(np.zeros((9, 9), np.uint8))})


def odd_row(**more):
    """A zip whose one row has something odd."""
    return with_table(table([row(0, [box(1, 1, 2, 2)], **more)]))


def many_rows(count):
    """A table of so many equal rows, a few kB."""
    paths = pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), pa.array(["a.png"]))
    boxes = pa.nulls(count, pa.list_(pa.struct([("x", pa.float64())])))
    buffer = io.BytesIO()
    parquet.write_table(pa.table({"image_path": paths.cast(pa.string()), "bboxes": boxes}), buffer)
    return buffer.getvalue()


def as_json(rows):
    """The same rows with boxes and what is said of the patient as texts."""
    return [row | {name: json.dumps(row[name]) for name in ("bboxes", "meta")} for row in rows]
