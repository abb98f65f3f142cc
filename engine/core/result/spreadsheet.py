"""The only writer of CSV: whatever a stranger wrote into a cell, a spreadsheet computes nothing.

Spreadsheets compute a cell that begins with =, +, - or @, also after blanks and as full-width
signs (OWASP, "CSV Injection"). A program set to semicolons begins a cell after each of them, and
after each line break, whatever the quotes say.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any
from unicodedata import category

SIGNS = "=＝﹦⁼₌+＋﹢⁺₊﬩-－﹣⁻₋−@＠﹫"  # those that are read as = + - @
SUSPECT = re.compile(f"[{re.escape(SIGNS)}\t\r\n]")
CELL_ENDS = re.compile(r"([;\t\r\n])")
NUMBER = re.compile(r"[+\-−]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def csv_text(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table as CSV: what is not known (None, NaN) is an empty cell, text is never a formula."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([as_cell(name) for name in head])
    writer.writerows([as_cell(value) for value in row] for row in rows)
    return text.getvalue()


def as_cell(value: Any) -> Any:
    """A value as it stands in a cell; a number stays one."""
    if isinstance(value, str):
        return as_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None or str(value) == "nan" else value


def as_text(text: str) -> str:
    """Text with ' before what a spreadsheet would compute: at its beginning, and where it may cut.

    Text that is a number, such as -1.5, is left as it is.
    """
    if not SUSPECT.search(text):
        return text
    safe = "".join(f"'{part}" if is_formula(part) else part for part in CELL_ENDS.split(text))
    return f"'{safe}" if safe[0] in "\t\r\n" else safe


def is_formula(text: str) -> bool:
    """Whether the first sign that is seen begins a formula, and the text is no number."""
    start = next((at for at, sign in enumerate(text) if category(sign)[0] not in "ZC"), len(text))
    return text[start : start + 1] in {*SIGNS} and not NUMBER.fullmatch(text.strip())
