"""No spreadsheet computes what a stranger wrote: one writer of CSV, and what it does to text."""

import ast
import csv
import re
from io import StringIO
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from components.draw.rows import rows_of
from components.share import contents
from engine.core.result import Scores, Table, Tokens
from engine.core.result.spreadsheet import SIGNS, as_text, csv_text
from engine.core.run import Answer

ROOT = Path(__file__).parents[1]
WRITER = "engine/core/result/spreadsheet.py"
WRITES = {"writer", "DictWriter", "to_csv", "write_csv", "CSVWriter", "savetxt", "sink_csv"}
BLANKS = ["", " ", "\t", "\r", "\n", " \t ", "\u00a0", "\u3000", "\u200b", "\ufeff", "\x00 "]
FORMULAS = ["=1+1", "=cmd|' /C calc'!A0", "+cmd|x", "-2+3", "@SUM(A1)"]
FORMULAS += ["＝1+1", "＋1+1", "－2+3", "＠A1"]
NUMBERS = ["-1.5", "+3", "-.5", "-1e-7", " -2 ", "1,5", "-0"]


def python_files():
    folders = (ROOT / name for name in ("engine", "components", "pages"))
    return [*ROOT.glob("*.py"), *(path for folder in folders for path in folder.rglob("*.py"))]


def test_csv_is_written_in_one_place():
    places = {
        path.relative_to(ROOT).as_posix()
        for path in python_files()
        if any(word in (source := path.read_text("utf-8")) for word in WRITES)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and node.attr in WRITES
    }
    assert places == {WRITER}


def test_streamlits_own_csv_of_a_table_is_not_offered():
    """It writes cells as they are; its button is known by its label, which must not change."""
    import streamlit

    label = "Download as CSV"
    scripts = Path(streamlit.__file__).parent.glob("static/static/js/*.js")
    assert any(label in path.read_text("utf-8", "replace") for path in scripts)
    sheet = (ROOT / "components" / "theme.css").read_text("utf-8")
    rule = rf'\[data-testid="stElementToolbarButton"\][^{{]*"{label}"[^{{]*{{ display: none; }}'
    assert re.search(rule, sheet)


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("blank", BLANKS)
def test_a_formula_is_text_behind_whatever_blanks(blank, formula):
    written = as_text(blank + formula)
    assert begins_as_text(written)
    assert written.replace("'", "") == (blank + formula).replace("'", "")  # nothing else changed


def test_a_number_in_text_stays_a_number():
    assert [as_text(number) for number in NUMBERS] == NUMBERS


def test_every_sign_that_a_program_may_read_as_one_of_the_four_is_known():
    alike = {chr(at) for at in range(0x110000) if normalize("NFKC", chr(at)) in {*"=+-@"}}
    assert alike <= {*SIGNS}


@given(some.text(alphabet=some.sampled_from([*"=+-@;,\t\r\n \"'ab1.", *"＝－", "\u200b"])))
def test_no_text_begins_a_cell_with_a_formula_whatever_parts_cells(text):
    assert all(begins_as_text(part) for part in re.split(r"[;\t\r\n]", as_text(text)))
    assert as_text(text).replace("'", "") == text.replace("'", "")


def begins_as_text(cell):
    """Whether a spreadsheet sees text or a number, and no formula."""
    stripped = normalize("NFKC", cell).strip(" \t\r\n\x00\u200b\ufeff")
    number = re.fullmatch(r"[+-]?[\d.]+(e-?\d+)?", stripped)
    return not stripped.startswith(("=", "+", "-", "@")) or number


@given(some.floats(allow_nan=False, allow_infinity=False), some.integers())
def test_numbers_are_written_so_that_they_are_read_again(number, count):
    table = Table.of({"a": (np.array([number]), ""), "b": (np.array([count % 2**40]), "")})
    (row,) = csv.DictReader(StringIO(table.csv()))
    assert float(row["a"]) == number
    assert int(row["b"]) == count % 2**40


def test_what_is_not_known_is_an_empty_cell():
    rows = [(None, float("nan")), (True, np.float32("nan"))]
    assert csv_text(("a", "b"), rows) == "a,b\n,\ntrue,\n"


@pytest.mark.parametrize("word", FORMULAS)
def test_share_neutralizes_labels_words_and_columns(word):
    """The file of each kind of view that a person's own words can stand in."""
    array = np.array([0.5], np.float32)
    views = {
        "table": Table.of({word: (array, "")}, rows=(word,)),
        "scores": Scores(array, (word,), ""),
        "words": Tokens(array, array, array, array[None], (word,), "", (0, 0), ended=True),
    }
    for view in views.values():
        assert rows_of(view) is not None
    for name, make in contents(Answer(views, {}, kept=False)):
        if name.endswith(".csv"):
            cells = [cell for row in csv.reader(StringIO(make())) for cell in row]
            assert any(word in cell for cell in cells)
            assert all(begins_as_text(cell) for cell in cells)
