"""Figures of the slow tests, kept with date and commit in docs/measured.md."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "measured.md"
START, END = "<!-- slow tests: begin -->", "<!-- slow tests: end -->"


def commit() -> str:
    """The short name of what was tested."""
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "no commit"


def section(figures: dict[str, str]) -> str:
    """The figures as a Markdown table between marks."""
    rows = "\n".join(f"| {name} | {value} |" for name, value in sorted(figures.items()))
    return (
        f"{START}\n## Slow tests, {datetime.now(UTC):%Y-%m-%d}, commit {commit()}\n\n"
        f"| what | figure |\n| --- | --- |\n{rows}\n{END}"
    )


def write(figures: dict[str, str], page: Path = PAGE) -> None:
    """Put the figures into the page, in the place of the last ones."""
    text = page.read_text() if page.exists() else "# Measured\n"
    if START in text:
        before, rest = text.split(START, 1)
        after = rest.split(END, 1)[1]
        page.write_text(before + section(figures) + after)
    else:
        page.write_text(text.rstrip() + "\n\n" + section(figures) + "\n")
