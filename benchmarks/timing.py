"""Two things timed in turn, A B A B …, and the ratio of their times pair by pair.

The machine's speed drifts, a ratio of neighbors in time does not. Budgets in seconds are told
beside the speed of the machine (benchmarks/machine.py).
"""

from collections.abc import Callable
from statistics import median
from time import perf_counter

from benchmarks.table import BenchmarkRow, number
from engine.core.process import LARGEST, RESERVE, hold_blocks

Work = Callable[[], object]


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
) -> BenchmarkRow:
    """Time both in turn after one run each that is not counted; theirs ÷ ours, pair by pair."""
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
    took = f"ours took {number(median(first for first, _ in pairs))} s"
    return BenchmarkRow.of(
        f"{name}, against {against}",
        [second / first for first, second in pairs],
        least=goal,
        note=f"{took}; {note}" if note else took,
    )


def within(
    name: str, work: Work, most: float | None, rounds: int = 5, *, unit: str = "s", note: str = ""
) -> BenchmarkRow:
    """Seconds (or milliseconds) of each round, against a budget in the same unit."""
    scale = {"s": 1.0, "ms": 1000.0}[unit]
    taken = [scale * timed(work) for _ in range(rounds)]
    return BenchmarkRow.of(name, taken, unit, most=most, note=note)
