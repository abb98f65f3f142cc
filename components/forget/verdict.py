"""What came of one way, in one plain sentence."""

from __future__ import annotations

import numpy as np

from components.forget.words import BEFORE, GOAL, named, percent, time
from engine.result import Table
from engine.unlearning.protocol.scoreboard import ranking

AS_WELL, NEARLY, OFF = 0.03, 0.10, 0.10  # average gap; points by which a figure is off


def verdict(table: Table, way: str, what: str, times: Table | None = None) -> str:
    """How one way did beside retraining.

    Args:
        table: the scoreboard.
        way: its row.
        what: what was to be forgotten.
        times: the fair seconds, where they are known.
    """
    ranked, name = ranking(table), named(way)
    gap = table.cell(way, ranked)
    if not np.isfinite(gap):
        return f"{name} failed on {what}: see the note below the table."
    known, goal = (1 - table.cell(row, "UA") for row in (way, GOAL))
    test, test_goal = (table.cell(row, "TA") for row in (way, GOAL))
    figures = f"it still recognizes {percent(known)} of those images (never seen: {percent(goal)})"
    kept = f"gets {percent(test)} of the test right ({percent(test_goal)})"
    as_good = abs(known - goal) <= OFF and test_goal - test <= OFF
    if as_good and table.cell(BEFORE, ranked) <= AS_WELL:
        return (
            f"There is little to forget of {what}: others taught the model the same. With "
            f"{name} {figures} and {kept}; with nothing done it was as near."
        )
    if known - goal > OFF:
        return f"{name} did not forget {what}: {figures} and {kept}."
    if test_goal - test > OFF:
        return f"{name} forgot {what} by damaging the rest: it {kept}, and {figures}."
    if goal - known > OFF:
        return f"{name} forgot {what} more than it should: {figures} and {kept}."
    nearly = "nearly as well as retraining would" if gap <= NEARLY else "only roughly"
    how = "as well as retraining would" if gap <= AS_WELL else nearly
    cost = percent(table.cell(way, "share of retraining"))
    return (
        f"{name} forgot {what} {how}, at {cost} of its cost"
        f"{took(table if times is None else times, way)}: {figures} and {kept}."
    )


def took(times: Table, way: str) -> str:
    """The seconds of the way and of retraining, in brackets, where they are known."""
    own, whole = (times.cell(row, "seconds") for row in (way, GOAL))
    known = np.isfinite([own, whole]).all()
    return f" ({time(own)}, retraining {time(whole)})" if known else ""


def best(table: Table) -> str:
    """The way that came nearest to the retrained model; "" where none gave numbers."""
    ways = zip(table[ranking(table)], table.rows, strict=True)
    known = [(float(gap), way) for gap, way in ways if way not in {GOAL, BEFORE}]
    return min((one for one in known if np.isfinite(one[0])), default=(0.0, ""))[1]
