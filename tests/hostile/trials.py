"""What all kinds of hostile trial share: names, outcomes, and rows of a table."""

import subprocess
import traceback
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.soak.report import Row
from tests.hostile.corpus import CACHE

Attempt = Callable[[str], "TrialOutcome"]


def run_folder() -> Path:
    """Where runs of this commit keep what they need when they go on."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return CACHE / "runs" / commit


@dataclass(frozen=True)
class TrialOutcome:
    """What came of a trial.

    Args:
        came: one word, which is counted: "read", "refused" …
        wrong: what is wrong about it, in one line; "" where nothing is.
        seconds: of computing.
        mb: of memory beyond what was there before.
        note: for whoever mends it; not counted.
    """

    came: str
    wrong: str = ""
    seconds: float = 0.0
    mb: float = 0.0
    note: str = ""


class TrialKind(ABC):
    """A kind of hostile trial.

    Attributes:
        title: of its row in docs/reliability.md.
        count: trials of a whole run.
        longest: wall seconds of one trial; then its process is ended, which counts as wrong.
        setup: wall seconds until the first trial begins.
    """

    title: str
    count: int
    longest: float
    setup: float = 300.0

    @abstractmethod
    def names(self, count: int) -> Sequence[str]:
        """Names of so many trials: the same ones in the same order in each run."""

    @abstractmethod
    def running(self) -> AbstractContextManager[Attempt]:
        """Start what is needed, give what does one trial by its name, and end it."""

    def rows(self, outcomes: Mapping[str, TrialOutcome]) -> list[Row]:
        """Rows of the table, from the outcomes by name."""
        return [summary(self.title, outcomes)]


def summary(title: str, outcomes: Mapping[str, TrialOutcome]) -> Row:
    """A row: how many came out how, the worst of each figure, and what was wrong."""
    counts = Counter(outcome.came for outcome in outcomes.values())
    words = ", ".join(f"{count:,} {came}" for came, count in counts.most_common())
    result = f"{len(outcomes):,}: {words}"
    if any(outcome.seconds for outcome in outcomes.values()):
        slow = max(outcomes, key=lambda name: outcomes[name].seconds)
        large = max(outcomes, key=lambda name: outcomes[name].mb)
        result += f"; worst {outcomes[slow].seconds:.2f} s of computing ({slow})"
        result += f", {outcomes[large].mb:.0f} MB ({large})"
    wrong = [f"{name}: {outcome.wrong:.150}" for name, outcome in outcomes.items() if outcome.wrong]
    if wrong:
        result += f"; wrong: {'; '.join(wrong[:20])}"
    return Row(title, result.replace("|", "/"), "0 wrong", not wrong)


def attempted(attempt: Attempt, name: str) -> TrialOutcome:
    """The outcome of a trial; what it raises is wrong."""
    try:
        return attempt(name)
    except Exception as error:  # noqa: BLE001 - which it was is the outcome
        last = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__} at {last.filename.rpartition('/')[2]}:{last.lineno}"
        return TrialOutcome("crash", what, note=str(error)[:200])


def outcomes_of(kind: TrialKind, names: Iterable[str]) -> dict[str, TrialOutcome]:
    with kind.running() as attempt:
        return {name: attempted(attempt, name) for name in names}


def wrong_in(kind: TrialKind, names: Iterable[str]) -> dict[str, TrialOutcome]:
    """Do some trials in this process; those that came out wrong."""
    return {name: outcome for name, outcome in outcomes_of(kind, names).items() if outcome.wrong}
