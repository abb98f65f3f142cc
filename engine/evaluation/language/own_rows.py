"""A stranger's CSV or JSON lines: questions with answers and truth, or captions with what is there.

Reading is bounded: so many bytes, rows, letters in a line and in a cell, each said in a sentence.
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal

from engine.core.errors import BadData
from engine.vision.foreign_text import check_depth, read_json

MOST_MB, MOST_ROWS, MOST_LETTERS, QUOTED_LETTERS = 20, 50_000, 4000, 60
MOST_LINE = 150_000  # letters of a line, or of one object of a JSON list
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
    "answers": ("answer", "label"),
    "captions": ("caption", "objects"),
}
TEMPLATES: Mapping[Kind, str] = {
    "answers": "image,group,question,answer,label\n"
    'street.jpg,random,Is there a dog in the image?,"Yes, a brown one.",yes\n'
    "street.jpg,random,Is there a boat in the image?,No.,no\n"
    "street.jpg,adversarial,Is there a bus in the image?,Yes,no\n",
    "captions": "image,group,caption,objects,references\n"
    "street.jpg,greedy,A dog and a bus beside a bench.,dog; bench,A puppy on a bench.\n"
    "kitchen.jpg,greedy,Two cups on a table.,cup; dining table,\n",
}
FLAGS = {"1": "yes", "1.0": "yes", "true": "yes", "0": "no", "0.0": "no", "false": "no"}
LACKS: Mapping[Kind, str] = {
    "answers": "no answer or no truth",
    "captions": "no caption, or nothing that says what is there (write [] where nothing is)",
}
SPACE = re.compile(r"[ \t\r\n]*")

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
    text, notes = decode_text(content)
    text = text.lstrip("\ufeff")  # some programs write two
    if not text.strip():
        raise BadData("The file is empty: it needs a line with column names and one for each row.")
    as_json = file.lower().endswith((".jsonl", ".json", ".ndjson")) or text.lstrip()[0] in "{["
    rows, dropped = complete_rows(json_rows(text) if as_json else csv_rows(text))
    notes += [
        f"Passed over, for they have {LACKS[kind]}: {missing:,} rows."
        for kind, missing in dropped.items()
    ]
    return OwnRows(kind_of(rows[0]), tuple(rows), tuple(notes))


# ---------------------------------------------------------------- letters


def decode_text(content: bytes) -> tuple[str, list[str]]:
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
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader((line for _, line in numbered_lines(text, newline="")), delimiter=delimiter)
    try:
        heads = next((row for row in reader if any(row)), None)
        if heads is None:
            raise BadData("The file has no column names: its first line names the columns.")
        names = column_places(heads)
        for row in reader:
            if any(row):
                yield {name: row[at] if at < len(row) else None for name, at in names.items()}
    except csv.Error as error:
        raise BadData(
            f"Line {reader.line_num:,} is no CSV ({error}): is a quotation mark left open?"
        ) from None


def json_rows(text: str) -> Iterator[Mapping[str, Any]]:
    """The rows of JSON lines, or of one JSON list."""
    is_array = text.lstrip().startswith("[")
    for place, row in json_items(text) if is_array else json_lines(text):
        if not isinstance(row, dict):
            raise BadData(f"{place} is no JSON object with columns by their names.")
        places = column_places([str(name) for name in row])
        values = list(row.values())
        yield {name: values[at] for name, at in places.items()}


def json_lines(text: str) -> Iterator[tuple[str, Any]]:
    """What each line holds, with the line's name; only a line feed ends a line."""
    for number, line in numbered_lines(text, newline="\n"):
        if line.strip():
            try:
                yield f"Line {number:,}", read_json(line, MOST_LINE)
            except ValueError:
                raise BadData(
                    f"Line {number:,} is no JSON: each line is one object in {{}}."
                ) from None


def json_items(text: str) -> Iterator[tuple[str, Any]]:
    """What a JSON list holds, one after another, each with its name; nothing is read ahead."""
    decoder = json.JSONDecoder()
    at = after_space(text, text.index("[") + 1)
    part, start = "", 0  # of the text, and where it begins
    for number in count(1):
        if text[at : at + 1] == "]" and number == 1:
            break
        # a window onto the text, moved before an object can reach beyond its end
        if at + MOST_LINE > start + len(part) < len(text):
            part, start = text[at : at + 4 * MOST_LINE], at
        try:
            item, end = decoder.raw_decode(part, at - start)
            check_depth(item)
        except (ValueError, RecursionError):
            raise BadData(
                f"Object {number:,} of the list is no JSON, or has more than {MOST_LINE:,} letters."
            ) from None
        if end - (at - start) > MOST_LINE:
            raise BadData(f"Object {number:,} of the list has more than {MOST_LINE:,} letters.")
        yield f"Object {number:,} of the list", item
        at = after_space(text, start + end)
        if text[at : at + 1] == "]":
            break
        if text[at : at + 1] != ",":
            raise BadData(f"After object {number:,} of the list stands neither a comma nor ].")
        at = after_space(text, at + 1)
    if text[after_space(text, at + 1) :]:
        raise BadData("Something stands behind the end of the JSON list: leave it out.")


def after_space(text: str, at: int) -> int:
    """The place of the next letter that is no space, from one on."""
    space_match = SPACE.match(text, at)
    return space_match.end() if space_match else at


def numbered_lines(text: str, newline: str) -> Iterator[tuple[int, str]]:
    """The lines with their numbers. Raises BadData for one that is too long.

    Args:
        text: of the file.
        newline: what ends a line: "\\n", or "" for every usual end.
    """
    for number, line in enumerate(io.StringIO(text, newline=newline), 1):
        if len(line) > MOST_LINE:
            raise BadData(
                f"Line {number:,} has {len(line):,} letters and may have {MOST_LINE:,}: is a line "
                "break missing?"
            )
        yield number, line


def column_places(heads: Sequence[str]) -> dict[str, int]:
    """The columns that are read, by name, each with its place. Raises BadData for too few."""
    plain = [head.strip().lower().replace(" ", "_") for head in heads]
    results = {
        name: next(plain.index(spelling) for spelling in spellings if spelling in plain)
        for name, spellings in NAMES.items()
        if any(spelling in plain for spelling in spellings)
    }
    if any(all(name in results for name in needed) for needed in NEEDED.values()):
        return results
    names = ", ".join(f"“{head[:20]}”" for head in heads[:8]) or "nothing"
    raise BadData(
        f"The columns are {names}. Answers need the columns answer and label (yes or no); captions "
        "need caption and objects. The templates show both."
    )


def kind_of(row: Mapping[str, Any]) -> Kind:
    """Captions are those that say what is there; answers may have a description beside them."""
    return "captions" if all(name in row for name in NEEDED["captions"]) else "answers"


def complete_rows(rows: Iterator[Mapping[str, Any]]) -> tuple[list[Row], Counter[Kind]]:
    """The rows as text, and how many of each kind lack what is needed. Raises BadData."""
    results: list[Row] = []
    dropped: Counter[Kind] = Counter()
    for number, row in enumerate(rows, 1):
        if number > MOST_ROWS:
            raise BadData(
                f"The file has more than {MOST_ROWS:,} rows, which is the most that is read: open "
                "it in parts."
            )
        try:
            cells = {name: as_text(value) for name, value in row.items()}
        except BadData as error:
            raise BadData(f"Row {number:,} {error}.") from None
        if odd := next((name for name, value in cells.items() if len(value) > MOST_LETTERS), ""):
            raise BadData(
                f"Row {number:,} has {len(cells[odd]):,} letters as its {odd}, and a cell may have "
                f"{MOST_LETTERS:,}: is a quotation mark left open?"
            )
        kind = kind_of(row)
        if kind == "answers":
            label = truth(cells.get("label", ""))
            if not label and cells.get("label", "").strip():
                raise BadData(
                    f"Row {number:,} has the label “{cells['label'][:QUOTED_LETTERS]}”: a label "
                    "is yes "
                    "or no."
                )
            is_complete = bool(label) and row.get("answer") is not None
            cells["label"] = label
        else:
            truth_text = cells["objects"].strip() or split_cell(cells.get("references", ""))
            is_complete = bool(truth_text) and row["caption"] is not None
        if is_complete:
            results.append(cells)
        else:
            dropped[kind] += 1
    if not results:
        reason = next((f": they have {LACKS[kind]}" for kind in dropped), "")
        raise BadData(f"The file has column names and no row that can be counted{reason}.")
    if len({kind_of(row) for row in results}) > 1:
        raise BadData("Some rows have captions and others answers: open them as two files.")
    return results, dropped


def as_text(value: Any) -> str:
    """A cell as text; a list with semicolons, or as [] where it is empty. Raises BadData."""
    if isinstance(value, list):
        if any(isinstance(element, list | dict) for element in value):
            raise BadData("has a list or an object inside a list: a list holds texts")
        return "; ".join(str(element) for element in value) if value else "[]"
    if isinstance(value, dict):
        raise BadData("has an object as a cell: write a text or a list of texts")
    return "" if value is None else str(value)


def truth(label: str) -> str:
    """A label as "yes" or "no"; "" for anything else."""
    plain = flagged(label).strip().lower().rstrip(".")
    return plain if plain in {"yes", "no"} else ""


def flagged(cell: str) -> str:
    """A cell, where 1, 0, true and false are yes and no."""
    return FLAGS.get(cell.strip().lower().rstrip("."), cell)


def split_cell(cell: str) -> list[str]:
    """The things or captions of a cell, between semicolons or bars, or as a JSON list."""
    if cell.lstrip().startswith("["):
        try:
            # a list as Python prints it has single quotation marks
            return [
                str(element).strip() for element in read_json(cell.replace("'", '"'), MOST_LINE)
            ]
        except (ValueError, TypeError):
            cell = cell.strip().strip("[]").replace(",", ";")
    return [part.strip() for part in cell.replace("|", ";").split(";") if part.strip()]
