"""Print one table of all ratios: `python -m benchmarks [--rounds N] [--only PART …] [--record]`."""

import argparse
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

from benchmarks import (
    against_captum,
    against_grad_cam,
    browsing,
    certificates,
    efficiency,
    evidence,
    familiar,
    generator,
    growth,
    hallucination,
    lab,
    level_sets,
    localizers,
    machine,
    rerun,
    serving,
    slides,
    smoothing,
    sparsity,
    stacked,
    table,
    tickets,
    trust,
    unlearning,
)
from benchmarks.machine import MachineState
from benchmarks.setting import case
from benchmarks.table import BenchmarkRow

MEASURED = Path(__file__).parents[1] / "docs" / "measured.md"
PARTS: dict[str, Callable[[int], Iterator[BenchmarkRow]]] = {
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
    "generator": generator.rows,
    "hallucination": hallucination.rows,
    "evidence": evidence.rows,
    "losses": evidence.losses,
    "localizers": localizers.rows,
    "certificates": certificates.rows,
    "smoothing": smoothing.rows,
    "lab": lab.rows,
    "growth": growth.rows,
    "slides": slides.rows,
    "serving": serving.rows,
    "rerun": rerun.rows,
    "browsing": browsing.rows,
}
READ = (
    "Ratios are theirs ÷ ours, measured in turn in one process. A row is judged by its median when "
    f"all its rounds lie on one side of the goal or agree to {table.NARROW:.0%}; otherwise it is "
    f"noisy. A budget missed while other work takes more than {table.BUSY:.0%} of the cores "
    "is noisy too."
)


def title() -> str:
    """Date and commit."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return f"## Speed, {datetime.now(UTC):%Y-%m-%d}, commit {commit}"


def paces() -> str:
    """The model, and the batches that it was found to run best at."""
    model = case().model
    model_paces = [model.pace("exact"), model.pace("gradient")]
    model_paces += [model.pace("fast")] if model.offers_fast else []
    paces_text = "; ".join(
        f"{p.use}: batch {p.batch}, {'channels last' if p.channels_last else 'contiguous'}"
        for p in model_paces
    )
    return f"{model.title} at {model.side} px on {model.device}. {paces_text}."


def head(about: list[str], *states: MachineState) -> list[str]:
    """Machine class, its states at the start and at the end, how to read, and the table's head."""
    names = ("at the start", "at the end")
    rows = [state.row(name) for name, state in zip(names, states, strict=False)]
    return [*about, "", machine.HEAD, *rows, "", READ, "", table.HEAD]


def measured(rounds: int, only: list[str]) -> Iterator[BenchmarkRow]:
    """The rows of each part. One that fails says so in its row, and the others go on."""
    for name, rows in PARTS.items():
        if not only or name in only:
            try:
                before = machine.spent()
                for row in rows(rounds):
                    now = machine.spent()
                    yield replace(row, others=now.others(before))
                    before = now
            except Exception as error:  # noqa: BLE001 - an hour of other figures is not lost to it
                yield BenchmarkRow.not_measured(name, f"{type(error).__name__}: {error}")


def counted(rows: list[BenchmarkRow]) -> str:
    """How many rows have which verdict."""
    counter = Counter(row.verdict.strip("*").partition(":")[0] or "no goal" for row in rows)
    return (
        f"{len(rows)} rows: " + ", ".join(f"{n} {verdict}" for verdict, n in counter.items()) + "."
    )


def record(lines: list[str], page: Path) -> None:
    """Append to the page of figures."""
    before = page.read_text(encoding="utf-8") if page.exists() else "# Measured\n"
    page.write_text(before.rstrip() + "\n\n" + "\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Print each row as it is measured, and on request keep all in docs/measured.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[], choices=sorted(PARTS))
    parser.add_argument("--record", action="store_true", help="append to docs/measured.md")
    arguments = parser.parse_args()
    os.environ["BLINDSPOT_HOME"] = mkdtemp(prefix="blindspot-bench-")  # paces found afresh
    start = machine.state()
    about = [title(), "", f"{machine.described()}. {paces()}"]
    print("\n".join(head(about, start)), flush=True)
    rows: list[BenchmarkRow] = []
    for row in measured(arguments.rounds, arguments.only):
        print(row.row(), flush=True)
        rows.append(row)
    end = machine.state()
    print(f"\n{counted(rows)}\n\n{machine.HEAD}\n{end.row('at the end')}")
    if arguments.record:
        lines = [*(row.row() for row in rows), "", counted(rows)]
        record([*head(about, start, end), *lines], MEASURED)


if __name__ == "__main__":
    main()
