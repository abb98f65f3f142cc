"""Print every ratio: `python -m benchmarks [--rounds N] [--only NAME …] [--record]`."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

from benchmarks import (
    against_captum,
    against_grad_cam,
    browsing,
    efficiency,
    evidence,
    familiar,
    generator,
    hallucination,
    lab,
    level_sets,
    localizers,
    rerun,
    serving,
    sparsity,
    stacked,
    tickets,
    trust,
    unlearning,
)
from benchmarks.setting import case
from benchmarks.timing import HEAD

MEASURED = Path(__file__).parents[1] / "docs" / "measured.md"
PARTS = {
    "efficiency": efficiency.rows,
    "captum": against_captum.rows,
    "grad-cam": against_grad_cam.rows,
    "level-sets": level_sets.rows,
    "sparsity": sparsity.rows,
    "familiar": familiar.rows,
    "trust": trust.rows,
    "stacked": stacked.rows,
    "tickets": tickets.rows,
    "unlearning": unlearning.rows,
    "hallucination": hallucination.rows,
    "evidence": evidence.rows,
    "localizers": localizers.rows,
}
WAITS = {  # lines of text
    "browsing": browsing.rows,
    "serving": serving.rows,
    "rerun": rerun.rows,
    "lab": lab.rows,
    "hallucination": hallucination.told,
    "losses": evidence.told,
    "generator": generator.told,
    "tickets": tickets.told,
    "localizers": localizers.told,
}


def lines(rounds: int, only: list[str]) -> Iterator[str]:
    """The report, line by line as it is measured."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    yield f"## Speed, {datetime.now(UTC):%Y-%m-%d}, commit {commit}"
    yield ""
    model = case().model
    paces = [model.pace("exact"), model.pace("gradient")]
    paces += [model.pace("fast")] if model.offers_fast else []
    found = "; ".join(
        f"{p.use}: batch {p.batch}, {'channels last' if p.channels_last else 'contiguous'}"
        for p in paces
    )
    yield f"{model.title} at {model.side} px on {model.device} ({platform.machine()}). {found}."
    yield "Ratios are theirs ÷ ours, measured in turn in one process; the median is judged."
    yield ""
    yield HEAD
    for name, rows in PARTS.items():
        if not only or name in only:
            yield from (row.row() for row in rows(rounds))
    yield ""
    for name, told in WAITS.items():
        if not only or name in only:
            yield from (f"- {line}" for line in told())


def main() -> None:
    """Print, and on request keep in docs/measured.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[], choices=sorted({*PARTS, *WAITS}))
    parser.add_argument("--record", action="store_true", help="append to docs/measured.md")
    asked = parser.parse_args()
    kept = []
    os.environ["BLINDSPOT_HOME"] = mkdtemp(prefix="blindspot-bench-")  # paces found afresh
    for line in lines(asked.rounds, asked.only):
        print(line, flush=True)
        kept.append(line)
    if asked.record:
        before = MEASURED.read_text() if MEASURED.exists() else "# Measured\n"
        MEASURED.write_text(before.rstrip() + "\n\n" + "\n".join(kept) + "\n")


if __name__ == "__main__":
    main()
