"""A stranger's CSV or JSON lines: questions with answers and truth, or captions with what is there.

Reading is bounded: so many bytes, rows and letters in a cell, each said in a sentence.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.errors import BadData

MOST_MB, MOST_ROWS, MOST_LETTERS, SHOWN = 20, 50_000, 4000, 60
Kind = Literal["answers", "captions"]
NAMES: Mapping[str, tuple[str, ...]] = {
    "question": ("question", "text", "query", "prompt"),
    "answer": ("answer", "response", "prediction", "output"),
    "label": ("label", "truth", "ground_truth", "gt"),
    "caption": ("caption", "description"),
    "objects": ("objects", "things", "gt_objects"),
    "references": ("references", "human_captions"),
    "image": ("image", "image_id", "file", "file_name"),
    "group": ("group", "split", "category", "type", "decoder", "model"),
}
"""The columns that are read, each with the headings under which it is known."""
NEEDED: Mapping[Kind, tuple[str, ...]] = {
    "answers": ("answer", "label"), "captions": ("caption", "objects"),
}  # fmt: skip
TEMPLATES: Mapping[Kind, str] = {
    "answers": "image,group,question,answer,label\n"
    'street.jpg,random,Is there a dog in the image?,"Yes, a brown one.",yes\n'
    "street.jpg,random,Is there a boat in the image?,No.,no\n"
    "street.jpg,adversarial,Is there a bus in the image?,Yes,no\n",
    "captions": "image,group,caption,objects,references\n"
    "street.jpg,greedy,A dog and a bus beside a bench.,dog; bench,A puppy on a bench.\n"
    "kitchen.jpg,greedy,Two cups on a table.,cup; dining table,\n",
}
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute

Row = Mapping[str, str]


@dataclass(frozen=True)
class OwnRows:
    """What a file holds.

    Args:
        kind: yes/no answers, or captions.
        rows: by the names of NAMES; every column that the file has.
        notes: what was passed over or read otherwise, in sentences.
    """

    kind: Kind
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def column(self, name: str) -> list[str]:
        """A column, "" in every row where the file has none."""
        return [row.get(name, "") for row in self.rows]


def read(content: bytes, file: str) -> OwnRows:
    """Read a file. Raises BadData, whose sentence says what to change.

    Args:
        content: of a .csv, .tsv, .jsonl or .json file in UTF-8, UTF-16 or Latin-1.
        file: its name, by which CSV and JSON are told apart.
    """
    if len(content) > MOST_MB * 2**20:
        raise BadData(
            f"The file has {len(content) / 2**20:.0f} MB and at most {MOST_MB} are read: leave out "
            "columns that are not needed, or open it in parts."
        )
    text, notes = decoded(content)
    text = text.lstrip("\ufeff")  # some programs write two
    if not text.strip():
        raise BadData("The file is empty: it needs a line with column names and one for each row.")
    as_json = file.lower().endswith((".jsonl", ".json", ".ndjson")) or text.lstrip()[0] in "{["
    rows, dropped = taken(json_rows(text) if as_json else csv_rows(text))
    if dropped:
        notes.append(f"Passed over, for they have no answer or no truth: {dropped:,} rows.")
    kind: Kind = "captions" if "caption" in rows[0] else "answers"
    return OwnRows(kind, tuple(rows), tuple(notes))


# ---------------------------------------------------------------- letters


def decoded(content: bytes) -> tuple[str, list[str]]:
    """The file's text, and a note where its encoding had to be guessed."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return in_encoding(content, "utf-16"), []
    if b"\0" in content[:4096]:
        raise BadData("This is no text file: save the table as CSV (UTF-8) or as JSON lines.")
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        note = "The file is no UTF-8 and was read as Latin-1: look whether its accents are right."
        return content.decode("cp1252", "replace"), [note]


def in_encoding(content: bytes, name: str) -> str:
    """The text in an encoding that the file itself names. Raises BadData where it is broken."""
    try:
        return content.decode(name)
    except UnicodeDecodeError:
        raise BadData("The file begins as UTF-16 and is cut off: save it again as UTF-8.") from None


# ---------------------------------------------------------------- rows


def csv_rows(text: str) -> Iterator[Mapping[str, Any]]:
    """The rows of a table with commas, semicolons or tabs."""
    head = text.lstrip("\n\r").partition("\n")[0]
    mark = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    try:
        names = known(next(row for row in reader if any(row)))
        for row in reader:
            if any(row):
                yield {name: row[at] for name, at in names.items() if at < len(row)}
    except csv.Error as error:
        raise BadData(
            f"Line {reader.line_num:,} is no CSV ({error}): is a quotation mark left open?"
        ) from None


def json_rows(text: str) -> Iterator[Mapping[str, Any]]:
    """The rows of JSON lines, or of one JSON list."""
    listed = text.lstrip().startswith("[")
    lines = [(1, text)] if listed else enumerate(text.splitlines(), 1)
    for number, line in lines:
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            raise BadData(f"Line {number:,} is no JSON: each line is one object in {{}}.") from None
        for row in found if listed else [found]:
            if not isinstance(row, dict):
                raise BadData(f"Line {number:,} is no JSON object with columns by their names.")
            places = known([str(name) for name in row])
            values = list(row.values())
            yield {name: values[at] for name, at in places.items()}


def known(heads: Sequence[str]) -> dict[str, int]:
    """The columns that are read, by name, each with its place. Raises BadData for too few."""
    plain = [head.strip().lower().replace(" ", "_") for head in heads]
    found = {
        name: next(plain.index(one) for one in spellings if one in plain)
        for name, spellings in NAMES.items()
        if any(one in plain for one in spellings)
    }
    if any(all(name in found for name in needed) for needed in NEEDED.values()):
        return found
    there = ", ".join(f"“{head[:20]}”" for head in heads[:8]) or "nothing"
    raise BadData(
        f"The columns are {there}. Answers need the columns answer and label (yes or no); captions "
        "need caption and objects. The templates show both."
    )


def taken(rows: Iterator[Mapping[str, Any]]) -> tuple[list[Row], int]:
    """The rows as text, and how many lack what is needed. Raises BadData."""
    found: list[Row] = []
    dropped = 0
    for number, row in enumerate(rows, 1):
        if number > MOST_ROWS:
            raise BadData(
                f"The file has more than {MOST_ROWS:,} rows, which is the most that is read: open "
                "it in parts."
            )
        held = {name: as_text(value) for name, value in row.items()}
        if odd := next((name for name, value in held.items() if len(value) > MOST_LETTERS), ""):
            raise BadData(
                f"Row {number:,} has {len(held[odd]):,} letters as its {odd}, and a cell may have "
                f"{MOST_LETTERS:,}: is a quotation mark left open?"
            )
        if "caption" in row and "objects" in row:
            found.append(held)
            continue
        label = truth(held.get("label", ""))
        if label and "answer" in row:
            found.append({**held, "label": label})
        elif held.get("label", "").strip():
            raise BadData(
                f"Row {number:,} has the label “{held['label'][:SHOWN]}”: a label is yes or no."
            )
        else:
            dropped += 1
    if not found:
        raise BadData("The file has column names and no row that can be counted.")
    if len({"caption" in row and "objects" in row for row in found}) > 1:
        raise BadData("Some rows have captions and others answers: open them as two files.")
    return found, dropped


def as_text(value: Any) -> str:
    """A cell as text; a list with semicolons."""
    if isinstance(value, list | tuple):
        return "; ".join(str(one) for one in value)
    return "" if value is None else str(value)


def truth(label: str) -> str:
    """A label as "yes" or "no"; "" for anything else."""
    plain = label.strip().lower().rstrip(".")
    return {"1": "yes", "true": "yes", "0": "no", "false": "no"}.get(plain) or (
        plain if plain in {"yes", "no"} else ""
    )


def parts(cell: str) -> list[str]:
    """The things or captions of a cell, between semicolons or bars, or as a JSON list."""
    if cell.lstrip().startswith("["):
        try:
            return [str(one).strip() for one in json.loads(cell.replace("'", '"'))]
        except (ValueError, RecursionError):
            cell = cell.strip().strip("[]").replace(",", ";")
    return [part.strip() for part in cell.replace("|", ";").split(";") if part.strip()]


def as_csv(heads: Sequence[str], rows: Iterator[Sequence[Any]]) -> str:
    """A table for a spreadsheet, in which no cell of a stranger's is computed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads)
    for row in rows:
        writer.writerow([f"'{one}" if str(one).startswith(FORMULA) else one for one in row])
    return text.getvalue()
