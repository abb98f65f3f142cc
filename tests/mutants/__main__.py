"""Put small mistakes into the engine and count how many the tests notice: `make mutants`.

`python -m tests.mutants [--only lima …] [--count 30] [--seed 0] [--record]`
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a fork keeps one thread; read before torch starts

import argparse
import sys
import tomllib
from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

import engine  # noqa: F401 - settles how threads wait, before torch
from tests import measured
from tests.mutants.families import FAMILIES, ROOT, Family
from tests.mutants.forks import forked
from tests.mutants.grow import Mutant, grown, mutants
from tests.mutants.swap import differ
from tests.mutants.trial import Change, Trial, Verdict

SAME = tomllib.loads((Path(__file__).parent / "equivalent.toml").read_text(encoding="utf-8"))
GOAL = 0.9
DAY = 86_400.0


def sample(family: Family, number: int, seed: int) -> tuple[list[Mutant], int]:
    """Mutants drawn by seed, and how many of those drawn are known to change nothing."""
    sources = {file: (ROOT / file).read_text(encoding="utf-8") for file in family.files()}
    every = [mutant for file, source in sources.items() for mutant in mutants(file, source)]
    drawn: list[Mutant] = []
    same = 0
    for mutant in sorted(every, key=lambda mutant: (mutant.rank(seed), mutant.place)):
        if len(drawn) == number:
            break
        source = sources[mutant.file]
        if mutant.name in SAME:
            same += 1
        elif differ(str(ROOT / mutant.file), source, grown(source, mutant)):
            drawn.append(mutant)
    return drawn, same


def tried(tests: list[str], changes: list[Change], patience: float, folder: Path) -> list[Verdict]:
    """All verdicts, in the order of the changes; printed as they come."""
    log = folder / "pytest.log"
    told = folder / "verdicts.txt"

    def tell(verdict: Verdict) -> None:
        with told.open("a", encoding="utf-8") as file:
            file.write(f"{verdict.verdict:12} {verdict.label} | {verdict.by}\n")
        verdicts.append(asdict(verdict))

    verdicts: list[dict[str, Any]] = []

    def work() -> list[dict[str, Any]]:
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--basetemp", str(folder / "tmp")]
        options += ["-m", "not slow and not gpu and not peer"]
        pytest.main([*tests, *options], plugins=[Trial(changes, tell, log, patience)])
        return verdicts

    said = forked(work, DAY, DAY, log)
    if not said:
        raise SystemExit(f"The tests did not run:\n{log.read_text(encoding='utf-8')[-2000:]}")
    return [Verdict(**verdict) for verdict in said]


def figure(verdicts: list[Verdict], same: int, seed: int) -> str:
    """The family's cell of the table."""
    counts = Counter(verdict.verdict for verdict in verdicts)
    killed = counts["killed"] + counts["timed out"]
    parts = [f"{killed} of {len(verdicts)} noticed ({killed / len(verdicts):.0%})"]
    if counts["not reached"]:
        parts.append(f"{counts['not reached']} in functions that no test of the family reaches")
    if same:
        parts.append(f"{same} set aside that change nothing")
    return "; ".join([*parts, f"seed {seed}"])


def main() -> int:
    """Run, print, and keep the figures when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=[family.name for family in FAMILIES])
    parser.add_argument("--count", type=int, default=30, help="mutants of each family")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--patience", type=float, default=60, help="seconds of tests a survivor sees")
    parser.add_argument("--record", action="store_true", help="write docs/measured.md")
    asked = parser.parse_args()
    low = []
    for family in FAMILIES:
        if asked.only and family.name not in asked.only:
            continue
        drawn, same = sample(family, asked.count, asked.seed)
        with TemporaryDirectory() as folder:
            changes = [Change.of(mutant) for mutant in drawn]
            verdicts = tried(family.proofs(), changes, asked.patience, Path(folder))
        cell = figure(verdicts, same, asked.seed)
        print(f"{family.name}: {cell}", flush=True)
        lines = {change.label: mutant.line for change, mutant in zip(changes, drawn, strict=True)}
        for verdict in verdicts:
            if verdict.verdict in ("survived", "not reached"):
                print(f"  {verdict.verdict}, line {lines[verdict.label]}: {verdict.label}", flush=True)
        if asked.record:
            measured.write({f"Mutants noticed by the tests, {family.name}": cell})
        killed = sum(verdict.verdict in ("killed", "timed out") for verdict in verdicts)
        if killed < GOAL * len(verdicts):
            low.append(family.name)
    if low:
        print(f"Below {GOAL:.0%}: {', '.join(low)}")
    return bool(low)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
