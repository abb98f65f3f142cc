"""The tables hold what the rows say, and a spreadsheet computes nothing of it."""

import csv
from dataclasses import replace
from io import BytesIO, StringIO

import pyarrow.parquet as pq

from engine.sweep.images import SweepImage
from engine.sweep.plan import SweepQuestion
from engine.sweep.tables import as_csv, as_parquet, left_out
from tests.engine.sweep.test_sheet import ROW


def read(data):
    """The rows of a CSV file."""
    return list(csv.DictReader(StringIO(data.decode())))


def test_names_that_look_like_formulas_are_text_in_csv_and_whole_in_parquet():
    evil = replace(ROW, image="=HYPERLINK(1)", label="@a", top_class="-b", figures={"map.low": -2})
    (row,) = read(as_csv([evil]))
    assert (row["image"], row["label"], row["top_class"]) == ("'=HYPERLINK(1)", "'@a", "'-b")
    assert row["method"] == ROW.method
    assert float(row["map.low"]) == -2  # a number stays one
    (whole,) = pq.read_table(BytesIO(as_parquet([evil]))).to_pylist()
    assert (whole["image"], whole["label"]) == ("=HYPERLINK(1)", "@a")
    question = SweepQuestion("attribution.GradCam", (), (), SweepImage("x", "+1.png"))
    (left,) = read(left_out([(question, "=no")]))
    assert (left["image"], left["reason"], left["settings"]) == ("'+1.png", "'=no", "")
