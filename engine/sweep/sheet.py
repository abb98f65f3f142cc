"""The contact sheet: one HTML file with a small map of each answer, sorted and filtered in it.

It asks no network, and a policy in it allows no script but its own. What is drawn on it, such as
names of files and classes, is text that strangers may have written: it is set as text only.
"""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from engine.sweep.rows import SweepRow

FOLDER = Path(__file__).parent
PAGE = 120  # cells that are shown at once
ROOM = 30_000_000  # characters of pictures; cells beyond have none, and the sheet says so
MOST_CELLS = 20_000  # what a browser still sorts at once; the tables have all
MOST_SORTED = 24  # figures by which cells can be sorted


def sheet(rows: Sequence[SweepRow], app: str, when: datetime | None = None) -> str:
    """The page.

    Args:
        rows: the answers, in the order in which they are shown at first.
        app: where the app runs, such as http://localhost:8501.
        when: the date on it; now if not given.
    """
    cells, left, without = [], ROOM, 0
    displayed = rows[:MOST_CELLS]
    for row in displayed:
        picture = b64encode(row.picture).decode()
        if len(picture) > left:
            picture, without = "", without + 1
        left -= len(picture)
        cells.append(cell_data(row, picture, app.rstrip("/")))
    script = (FOLDER / "sheet.js").read_text("utf-8")
    names = dict.fromkeys(name for row in displayed for name in row.figures)
    return template().render(
        count=len(rows),
        beyond=len(rows) - len(displayed),
        without=without,
        script=script,
        css=(FOLDER / "sheet.css").read_text("utf-8"),
        policy=b64encode(sha256(script.encode()).digest()).decode(),
        data=as_script({"page": PAGE, "figures": list(names)[:MOST_SORTED], "cells": cells}),
        when=(when or datetime.now(UTC)).strftime("%d %B %Y, %H:%M UTC").lstrip("0"),
    )


def cell_data(row: SweepRow, picture: str, app: str) -> Mapping[str, Any]:
    """What the script is told of an answer."""
    return {
        "picture": picture,
        "image": row.image,
        "label": row.label,
        "model": row.model,
        "method": row.method,
        "settings": " ".join(filter(None, (row.settings, row.arguments))).replace(",", ", "),
        "top": row.top_class,
        "confidence": row.confidence,
        "correct": row.correct,
        "seconds": row.seconds,
        "figures": dict(row.figures),
        "href": f"{app}/{row.address}" if row.address else "",
        "opens": bool(row.opens),
        "command": row.command,
    }


def as_script(data: Any) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@cache
def template() -> Any:
    """The page, which escapes all that it is given."""
    rooms = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return rooms.get_template("sheet.html.j2")
