"""What came of one way, in one plain sentence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.forget.words import BEFORE, GOAL, WORDS, named, percent, time
from engine.result import Columns
from engine.unlearning.protocol.scoreboard import ranking

AS_WELL, NEARLY, OFF = 0.03, 0.10, 0.10  # average gap; points by which a figure is off


@dataclass(frozen=True)
class Verdict:
    """How one way did beside retraining.

    Args:
        way: its name.
        unknown: share of the forgotten images it gets wrong.
        goal: the same of the retrained model.
        test: share of test images it gets right.
        test_goal: the same of the retrained model.
        gap: the average gap by which ways are ranked.
        cost: passes through the network, as a share of retraining's.
        nothing: that gap of the model as it was.
        seconds: of the way and of retraining, as they are shown.
    """

    way: str
    unknown: float
    goal: float
    test: float
    test_goal: float
    gap: float
    cost: float
    nothing: float
    seconds: tuple[float, float] = (np.nan, np.nan)

    @classmethod
    def of(cls, table: Columns, way: str, times: Columns | None = None) -> Verdict:
        """From the scoreboard, with the fair seconds where they are known."""
        ranked, seconds = ranking(table), table if times is None else times
        return cls(
            named(way),
            table.cell(way, "UA"),
            table.cell(GOAL, "UA"),
            table.cell(way, "TA"),
            table.cell(GOAL, "TA"),
            table.cell(way, ranked),
            table.cell(way, "share of retraining"),
            table.cell(BEFORE, ranked),
            (seconds.cell(way, "seconds"), seconds.cell(GOAL, "seconds")),
        )

    def words(self, what: str) -> str:
        """In a sentence; `what` is what was to be forgotten."""
        known, goal = 1 - self.unknown, 1 - self.goal
        figures = (
            f"it still recognizes {percent(known)} of those images (a model that never saw them: "
            f"{percent(goal)})"
        )
        kept = f"gets {percent(self.test)} of the test right ({percent(self.test_goal)})"
        if not np.isfinite(self.gap):
            return f"{self.way} failed on {what}: see the note below the table."
        if (
            self.nothing <= AS_WELL
            and abs(known - goal) <= OFF
            and self.test_goal - self.test <= OFF
        ):
            return (
                f"There is little to forget of {what}: others taught the model the same. With "
                f"{self.way} {figures} and {kept}; with nothing done it was as near."
            )
        if known - goal > OFF:
            return f"{self.way} did not forget {what}: {figures} and {kept}."
        if self.test_goal - self.test > OFF:
            return f"{self.way} forgot {what} by damaging the rest: it {kept}, and {figures}."
        if goal - known > OFF:
            return f"{self.way} forgot {what} more than it should: {figures} and {kept}."
        if self.gap <= AS_WELL:
            how = "as well as retraining would"
        else:
            how = "nearly as well as retraining would" if self.gap <= NEARLY else "only roughly"
        return (
            f"{self.way} forgot {what} {how}, at {percent(self.cost)} of its cost{self.took()}: "
            f"{figures} and {kept}."
        )

    def took(self) -> str:
        """The seconds of both, in brackets, where they are known."""
        own, whole = self.seconds
        if not np.isfinite([own, whole]).all():
            return ""
        return f" ({time(own)}, retraining {time(whole)})"


def best(table: Columns) -> str:
    """The way that came nearest to the retrained model; "" where none gave numbers."""
    known = [
        (float(gap), way)
        for way, gap in zip(table.rows, table[ranking(table)], strict=True)
        if way not in WORDS and np.isfinite(gap)
    ]
    return min(known)[1] if known else ""
