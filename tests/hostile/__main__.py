"""Hostile trials by the thousand: `python -m tests.hostile [KIND …] [--count N] [--record]`.

Each kind of trial runs in a process of its own, which is started again when a trial ends it or
takes too long. Outcomes are written to a log line by line, and a run goes on where the last one
of the same commit ended.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.soak import report
from tests.hostile.corpus import CACHE, NotAvailable
from tests.hostile.kinds import KINDS, kind_of_trial
from tests.hostile.trials import TrialKind, TrialOutcome, attempted, run_folder

ROOT = Path(__file__).resolve().parents[2]
MARK = "## Hostile trials: "  # how the heading of a kind begins, before its name
POLL = 0.5
NO_FILES = 2  # how a process ends that cannot get other projects' files


class TrialLog:
    """What was begun and what came of it, one JSON object a line.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():  # touching it would look as if a trial had begun
            path.touch()

    def write(self, name: str, outcome: TrialOutcome | None = None) -> None:
        """Say that a trial begins, or what came of it."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([name, asdict(outcome) if outcome else None]) + "\n")

    def read(self) -> tuple[dict[str, TrialOutcome], str]:
        """Outcomes by name, and the trial that has begun and not ended."""
        outcomes, begun = {}, ""
        for line in self.path.read_text(encoding="utf-8").splitlines():
            name, outcome = json.loads(line)
            begun = "" if outcome else name
            if outcome:
                outcomes[name] = TrialOutcome(**outcome)
        return outcomes, begun


def child(name: str, count: int, log: TrialLog) -> None:
    """Do all trials of a kind that the log does not have."""
    kind = kind_of_trial(name)
    outcomes, _ = log.read()
    with kind.running() as attempt:
        for trial in kind.names(count):
            if trial not in outcomes:
                log.write(trial)
                log.write(trial, attempted(attempt, trial))


def supervise(name: str, count: int, folder: Path) -> dict[str, TrialOutcome]:
    """Have all trials of a kind done; those that ended their process are wrong."""
    log, kind = TrialLog(folder / f"{name}.jsonl"), kind_of_trial(name)
    command = [sys.executable, "-m", "tests.hostile", name, "--child", "--count", str(count)]
    command += ["--folder", str(folder)]
    while True:
        began = len(log.read()[0])
        process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
        late = watch(process, log, kind)
        outcomes, begun = log.read()
        if process.returncode == 0:
            return outcomes
        if process.returncode == NO_FILES:
            raise NotAvailable(name)
        if not begun:
            raise SystemExit(f"{name}: no trial can be begun, see above.")
        how = f"ended its process: {process.returncode}"
        how = f"took more than {kind.longest:.0f} s" if late else how
        log.write(begun, TrialOutcome("late" if late else "end", how))
        print(f"{begun}: {how} (trial {began} and on)", flush=True)


def watch(process: subprocess.Popen[bytes], log: TrialLog, kind: TrialKind) -> bool:
    """Wait for a process; end it when the log stands still for too long, and say so."""
    began = time.time()
    while process.poll() is None:
        time.sleep(POLL)
        changed = log.path.stat().st_mtime
        still = time.time() - max(changed, began)
        most = kind.longest if changed > began else kind.setup
        if still > most:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
    return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the trials, print a row of each kind, and say whether anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("kinds", nargs="*", default=list(KINDS), metavar="KIND")
    parser.add_argument("--count", type=int, help="trials of each kind")
    parser.add_argument("--folder", type=Path, default=run_folder(), help="of the log")
    parser.add_argument("--record", action="store_true", help="into docs/reliability.md")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parsed = parser.parse_args(arguments)
    bad = False
    for name in parsed.kinds:
        kind = kind_of_trial(name)
        count = parsed.count if parsed.count is not None else kind.count
        try:
            if parsed.child:
                child(name, count, TrialLog(parsed.folder / f"{name}.jsonl"))
                return 0
            outcomes = supervise(name, count, parsed.folder)
        except NotAvailable as error:
            if parsed.child:
                print(f"{name}: {error} Go online once: the files are kept in {CACHE}.")
            return NO_FILES
        rows = kind.rows(outcomes)
        for trial, outcome in outcomes.items():
            if outcome.wrong:
                print(f"wrong: {trial}: {outcome.wrong} ({outcome.note})")
        print("\n".join(row.line() for row in rows), flush=True)
        bad |= any(row.holds is False for row in rows)
        if parsed.record:
            report.write(rows, f"{MARK}{name}")
    print(f"Every outcome is in {parsed.folder}.")
    return int(bad)


if __name__ == "__main__":
    raise SystemExit(main())
