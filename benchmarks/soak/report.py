"""What was found, as rows of a table in docs/reliability.md."""

import os
import platform
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

RELIABILITY = Path(__file__).parents[2] / "docs" / "reliability.md"
MARK = "## Figures"


@dataclass(frozen=True)
class Row:
    """One figure.

    Args:
        what: was measured.
        found: in words, with its unit.
        goal: what it should be, in words; "" where it is told and not judged.
        holds: whether the goal is reached; None where there is none.
    """

    what: str
    found: str
    goal: str = ""
    holds: bool | None = None

    def line(self) -> str:
        """A line of the table."""
        sign = {None: "", True: "holds", False: "**fails**"}[self.holds]
        return f"| {self.what} | {self.found} | {self.goal} | {sign} |"


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of all does not exceed."""
    if not values:
        return float("nan")
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, -int(-share * len(ranked) // 1) - 1))]


def head(now: datetime, mark: str = MARK) -> list[str]:
    """When and on what, and the head of the table."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    return [
        f"{mark}, {now:%Y-%m-%d}, commit {commit}",
        "",
        f"{machine}; mean load before: {os.getloadavg()[0]:.1f}.",
        "",
        "| what | found | goal | |",
        "| --- | --- | --- | --- |",
    ]


def write(rows: Iterable[Row], mark: str = MARK) -> None:
    """Put the rows in place of those of the last time, which stand under the same heading.

    Args:
        rows: of the table.
        mark: how the heading begins; a new section comes last.
    """
    lines = [*head(datetime.now(UTC), mark), *(row.line() for row in rows)]
    page = RELIABILITY.read_text(encoding="utf-8")
    first, *sections = re.split(r"^(?=## )", page, flags=re.MULTILINE)
    place = next((at for at, text in enumerate(sections) if text.startswith(mark)), len(sections))
    sections[place : place + 1] = ["\n".join(lines)]
    whole = "\n\n".join(part.rstrip() for part in (first, *sections))
    RELIABILITY.write_text(whole + "\n", encoding="utf-8")
