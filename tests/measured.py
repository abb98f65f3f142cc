"""Figures of the slow tests, each kept with its date and commit in docs/measured.md."""

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "measured.md"
START, END = "<!-- slow tests: begin -->", "<!-- slow tests: end -->"
HEAD = "## Slow tests\n\n| what | figure | measured |\n| --- | --- | --- |\n"
ROW = re.compile(r"^\| (.+) \| (.+) \| (\d{4}-\d\d-\d\d, .+) \|$", re.MULTILINE)


def commit() -> str:
    """The short name of what was tested."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "no commit"


def write(figures: dict[str, str], page: Path = PAGE) -> None:
    """Put figures into the page; one of the same name is replaced, the others stay."""
    text = page.read_text() if page.exists() else "# Measured\n"
    if START not in text:
        text = f"{text.rstrip()}\n\n{START}\n{END}\n"
    before, rest = text.split(START, 1)
    section, after = rest.split(END, 1)
    now = f"{datetime.now(UTC):%Y-%m-%d}, {commit()}"
    rows = {name: f"| {name} | {value} | {when} |" for name, value, when in ROW.findall(section)}
    rows |= {name: f"| {name} | {value} | {now} |" for name, value in figures.items()}
    table = "\n".join(rows[name] for name in sorted(rows))
    page.write_text(f"{before}{START}\n{HEAD}{table}\n{END}{after}")
