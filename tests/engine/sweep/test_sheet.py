"""The sheet asks no network; it and the tables take names of strangers as text."""

import csv
import json
import re
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO, StringIO

import pyarrow.parquet as pq

from engine.sweep import sheet as sheets
from engine.sweep.images import SweepImage
from engine.sweep.plan import SweepQuestion
from engine.sweep.rows import SweepRow
from engine.sweep.sheet import sheet
from engine.sweep.tables import as_csv, as_parquet, left_out

ROW = SweepRow(
    "a/1.png", "cat", "lite0", "attribution.Occlusion", "side=16", "seed=1", "dog", 0.75,
    correct=False, figures={"map.high": 2.0}, digest="d", seconds=0.5, address="heatmaps?x=1",
    opens="12345678", command="python -m engine run …", picture=b"RIFF",
)  # fmt: skip


def data(page):
    """What its script is told."""
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_a_cell_has_what_its_row_says_and_where_the_app_shows_it():
    page = sheet([ROW], "http://here:1/", datetime(2026, 1, 2, tzinfo=UTC))
    (cell,) = data(page)["cells"]
    assert cell == {
        "picture": b64encode(b"RIFF").decode(), "image": "a/1.png", "label": "cat",
        "model": "lite0", "method": "attribution.Occlusion", "settings": "side=16 seed=1",
        "top": "dog", "confidence": 0.75, "correct": False, "seconds": 0.5,
        "figures": {"map.high": 2.0}, "href": "http://here:1/heatmaps?x=1", "opens": True,
        "command": "python -m engine run …",
    }  # fmt: skip
    assert data(page)["figures"] == ["map.high"]
    assert "2 January 2026" in page
    (unlinked,) = data(sheet([replace(ROW, address="")], "http://here"))["cells"]
    assert unlinked["href"] == ""


def test_only_its_own_script_may_run_and_no_name_ends_the_data():
    evil = replace(ROW, image="</script><script>alert(1)</script>", label="<img src=x>\u2028")
    page = sheet([evil], "http://here")
    assert data(page)["cells"][0]["image"] == evil.image
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 1
    allowed = re.search(r"script-src 'sha256-([^']+)'", page)[1]
    assert allowed == b64encode(sha256(scripts[0].encode()).digest()).decode()
    assert "default-src 'none'" in page
    assert "innerHTML" not in scripts[0]
    assert not re.search(r"""(src|href)=["']?https?:""", page)


def test_pictures_end_where_the_room_ends_and_the_sheet_says_so(monkeypatch):
    monkeypatch.setattr(sheets, "ROOM", 2 * len(b64encode(ROW.picture)))
    page = sheet([ROW] * 5, "http://here")
    assert [bool(cell["picture"]) for cell in data(page)["cells"]] == [True, True] + 3 * [False]
    assert "3 cells have no picture" in page


def test_a_large_sweep_has_its_first_answers_on_the_sheet_and_the_sheet_says_so(monkeypatch):
    monkeypatch.setattr(sheets, "MOST_CELLS", 2)
    page = sheet([ROW, ROW, replace(ROW, figures={"other": 1.0})], "http://here")
    assert len(data(page)["cells"]) == 2
    assert data(page)["figures"] == ["map.high"]
    assert "shows the first 2 answers; answers.csv and answers.parquet have all 3." in page
    assert "shows the first" not in sheet([ROW] * 2, "http://here")


def read(data):
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
