"""Put small mistakes into the engine and count how many the tests notice: `make mutants`.

`python -m tests.mutants [--only pinned lima …] [--count 30] [--seed 0] [--record]`
"""

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
from tests.mutants.mutant import Mutant, grown, mutants
from tests.mutants.pins import pins
from tests.mutants.swap import differ
from tests.mutants.trial import Change, Trial, Verdict

SAME = tomllib.loads((Path(__file__).parent / "equivalent.toml").read_text(encoding="utf-8"))
GOAL = 0.9
PINNED = "pinned"
DAY = 86_400.0


def sample(family: Family, number: int, seed: int) -> tuple[list[Mutant], int]:
    """Mutants drawn by seed, and how many of those drawn are known to change nothing."""
    sources = {file: (ROOT / file).read_text(encoding="utf-8") for file in family.files()}
    every = [mutant for file, source in sources.items() for mutant in mutants(file, source)]
    drawn: list[Mutant] = []
    same = 0
    for mutant in sorted(every, key=lambda mutant: mutant.rank(seed)):
        if len(drawn) == number:
            break
        source = sources[mutant.file]
        if mutant.shown in SAME:
            same += 1
        elif differ(str(ROOT / mutant.file), source, grown(source, mutant)):
            drawn.append(mutant)
    return drawn, same


def tried(
    tests: list[str], only: str, changes: list[Change], patience: float, folder: Path
) -> list[Verdict]:
    """All verdicts, in the order of the changes; `only` is pytest's expression for the tests."""
    log = folder / "pytest.log"
    trial = Trial(changes, log, patience)
    options = f"-q -p no:cacheprovider -p no:xdist --basetemp {folder / 'tmp'}".split()
    chosen = ["-m", "not slow and not gpu and not peer", "-k", only]

    def work() -> list[dict[str, Any]]:
        pytest.main([*tests, *options, *chosen], plugins=[trial])
        return [asdict(verdict) for verdict in trial.verdicts]

    reply = forked(work, DAY, DAY, log)
    if not reply:
        raise SystemExit(f"The tests did not run:\n{log.read_text(encoding='utf-8')[-2000:]}")
    return [Verdict(**verdict) for verdict in reply]


def figure(verdicts: list[Verdict]) -> tuple[str, float]:
    """The cell of the table, and the share that was noticed."""
    counts = Counter(verdict.verdict for verdict in verdicts)
    noticed = sum(verdict.noticed for verdict in verdicts)
    share = noticed / max(len(verdicts), 1)
    summary = f"{noticed} of {len(verdicts)} ({share:.0%})"
    if broken := counts["broke off"]:
        summary += f", {broken} of them by a crash or without an end"
    if missed := counts["not reached"]:
        summary += f"; {missed} in functions that no test of the family reaches"
    return summary, share


def asked_for() -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [PINNED, *(family.name for family in FAMILIES)]
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--count", type=int, default=30, help="mutants of each family")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--patience", type=float, default=150, help="seconds of tests for each")
    parser.add_argument("--record", action="store_true", help="write docs/measured.md")
    return parser.parse_args()


def main() -> int:
    """Run, print, and keep the figures when asked; 1 where a family stays below the goal."""
    arguments = asked_for()
    families = {family.name: family for family in FAMILIES}
    low = []
    for name in arguments.only:
        if name == PINNED:
            drawn, tests = [Change.pinned(pin) for pin in pins()], sorted({p.by for p in pins()})
            words, goal, only = "", 1.0, ""
        else:
            result, same = sample(families[name], arguments.count, arguments.seed)
            drawn, tests = [Change.of(mutant) for mutant in result], families[name].proofs()
            words, goal = f"; {same} set aside that change nothing; seed {arguments.seed}", GOAL
            only = families[name].only
        with TemporaryDirectory() as folder:
            verdicts = tried(tests, only, drawn, arguments.patience, Path(folder))
        cell, share = figure(verdicts)
        print(f"{name}: {cell}{words}", flush=True)
        for verdict in verdicts:
            if not verdict.noticed:
                print(f"  {verdict.verdict}: {verdict.label}", flush=True)
        if arguments.record:
            measured.write({f"Mutants noticed by the tests, {name}": cell + words})
        if share < goal:
            low.append(name)
    if low:
        print(f"Below the goal: {', '.join(low)}")
    return bool(low)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
