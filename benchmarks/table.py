"""The one table of `make bench`: what was measured, its spread, its goal, and what that says.

A row is judged when all of its rounds lie on one side of the goal, or agree to `NARROW`; otherwise
it is marked as noisy, with its spread, and nobody should conclude anything from it. So is a budget
in seconds or MB that is missed while other work took more than `BUSY` of the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, nan
from statistics import median

NARROW = 0.1  # of a row's value
BUSY = 0.1  # of all cores
HEAD = "| what | measured | spread | goal | verdict |\n| --- | --- | --- | --- | --- |"


def number(value: float) -> str:
    """Two digits that count at least, and never as a power of ten."""
    size = abs(value)
    if size >= 100 or not value:
        return f"{value:,.0f}"
    places = 1 if size >= 10 else next(n for n in range(2, 7) if size >= 10 ** (1 - n) or n == 6)
    return f"{value:.{places}f}"


@dataclass(frozen=True)
class BenchmarkRow:
    """One figure.

    Args:
        what: was measured, and against what.
        value, low, high: the figure and where its rounds lie, or the ends of an interval.
        unit: behind a number; "×" follows it at once.
        least, most: the goal, if there is one.
        rounds: how often it was measured; 0 for a figure that is the same every time.
        note: what else there is to know.
        missing: why it was not measured; "" when it was.
        others: the share of all cores that other work took meanwhile.
    """

    what: str
    value: float
    low: float
    high: float
    unit: str = "×"
    least: float | None = None
    most: float | None = None
    rounds: int = 2
    note: str = ""
    missing: str = ""
    others: float = 0.0

    @classmethod
    def of(
        cls,
        what: str,
        values: Sequence[float],
        unit: str = "×",
        *,
        least: float | None = None,
        most: float | None = None,
        note: str = "",
    ) -> BenchmarkRow:
        """The median of rounds. One round alone is taken to be `NARROW` off either way."""
        middle, low, high = median(values), min(values), max(values)
        if len(values) == 1:
            low, high = middle - NARROW * abs(middle), middle + NARROW * abs(middle)
        return cls(what, middle, low, high, unit, least, most, len(values), note)

    @classmethod
    def exact(
        cls,
        what: str,
        value: float,
        unit: str,
        *,
        least: float | None = None,
        most: float | None = None,
        note: str = "",
    ) -> BenchmarkRow:
        """A count, or a figure that seeds fix: it does not change from run to run."""
        return cls(what, value, value, value, unit, least, most, 0, note)

    @classmethod
    def not_measured(cls, what: str, why: str) -> BenchmarkRow:
        """A row that says why there is no figure."""
        return cls(what, nan, nan, nan, missing=" ".join(why.split()))

    def meets(self, value: float) -> bool:
        """Whether a value is on the good side of the goal."""
        enough = self.least is None or value >= self.least
        return enough and (self.most is None or value <= self.most)

    @property
    def verdict(self) -> str:
        """Holds, not here, or noisy with its spread; "" where there is no goal."""
        if self.missing:
            return "not measured"
        if self.least is None and self.most is None:
            return ""
        spread = self.high - self.low
        width = spread / abs(self.value) if self.value else inf if spread else 0.0
        beyond = (self.least is not None and self.high < self.least) or (
            self.most is not None and self.low > self.most
        )
        one_side = beyond or (self.meets(self.low) and self.meets(self.high))
        if width > NARROW and not one_side:
            words = f"{width:.0%} apart" if self.value else self.spread
            return f"noisy: {'one run' if self.rounds == 1 else words}"
        if self.meets(self.value):
            return "holds"
        if self.rounds and self.unit != "×" and self.others > BUSY:
            return f"noisy: others took {self.others:.0%}"
        return "**not here**"

    @property
    def spread(self) -> str:
        """From the lowest round to the highest."""
        if self.missing:
            return ""
        words = {0: "exact", 1: "one run"}
        return words.get(self.rounds, f"{number(self.low)}–{number(self.high)}")

    @property
    def goal(self) -> str:
        """The bound with its unit."""
        bounds = (("≥", self.least), ("≤", self.most))
        return " and ".join(f"{sign} {self.sized(at)}" for sign, at in bounds if at is not None)

    def sized(self, value: float) -> str:
        """A number with its unit."""
        gap = "" if self.unit in {"×", ""} else " "
        return f"{number(value)}{gap}{self.unit}"

    def row(self) -> str:
        """A line of a Markdown table."""
        value_cell = self.missing or f"**{self.sized(self.value)}**"
        if self.note:
            value_cell += f"; {self.note}"
        cells = (self.what, value_cell, self.spread, self.goal, self.verdict)
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
