"""Two things timed in turn, A B A B …, and the ratio of their times pair by pair.

The machine's speed drifts; a ratio of neighbors in time does not, so only ratios are judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from engine.process import LARGEST, RESERVE, hold_blocks

Work = Callable[[], object]


@dataclass(frozen=True)
class Ratio:
    """How many times faster `ours` was, pair by pair: a row of the table."""

    name: str
    theirs: str
    value: float  # median of theirs ÷ ours
    low: float
    high: float
    goal: float | None
    seconds: float  # ours, median: told, never judged
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the goal was reached."""
        return self.goal is None or self.value >= self.goal

    def row(self) -> str:
        """A line of a Markdown table."""
        goal = "" if self.goal is None else f"≥ {self.goal:g} {'✓' if self.met else '✗'}"
        spread = f"{self.low:.2f}–{self.high:.2f}"
        return (
            f"| {self.name} | {self.theirs} | **{self.value:.2f}** | {spread} | {goal} "
            f"| {self.seconds:.2f} s | {self.note} |"
        )


HEAD = (
    "| what | against | ratio | spread | goal | ours took | note |\n"
    "| --- | --- | --- | --- | --- | --- | --- |"
)


def as_people_do(work: Work) -> Work:
    """The work with memory held as glibc does by itself at most: blocks up to 32 MB, 64 MB in all.

    Importing our engine makes the whole process keep more, and so would speed up the others too.
    """

    def run() -> object:
        hold_blocks(32 * 2**20, 64 * 2**20)
        try:
            return work()
        finally:
            hold_blocks(LARGEST, RESERVE)

    return run


def timed(work: Work) -> float:
    """Seconds of one run."""
    start = perf_counter()
    work()
    return perf_counter() - start


def paired(
    name: str,
    ours: Work,
    theirs: Work,
    against: str,
    goal: float | None = None,
    rounds: int = 5,
    note: str = "",
) -> Ratio:
    """Time both in turn after one run each that is not counted."""
    ours()
    theirs()
    pairs = []
    for turn in range(rounds):
        if turn % 2:
            second = timed(theirs)
            first = timed(ours)
        else:
            first = timed(ours)
            second = timed(theirs)
        pairs.append((first, second))
    ratios = [second / first for first, second in pairs]
    return Ratio(
        name,
        against,
        median(ratios),
        min(ratios),
        max(ratios),
        goal,
        median(first for first, _ in pairs),
        note,
    )
