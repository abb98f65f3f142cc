"""What a check found, in numbers and in a sentence."""

from collections.abc import Mapping
from math import isnan, nan

import numpy as np

from engine.core.result import Table

FLAT = "the map is the same everywhere, or not known somewhere."
GOOD, UNCLEAR, DOUBT, BAD = 1.0, 0.0, -0.5, -1.0
NOISE = 1e-6  # a spread below this share of the values is rounding


def verdict_table(title: str, verdict: float, words: str, **numbers: float) -> Table:
    """One row: the verdict.

    1 speaks for the map, −1 against it, 0 neither way; NaN is not to be had. −0.5 is a warning:
    nothing shows the map wrong, but neither can anything that speaks for it be relied on.

    Args:
        title: of the check.
        verdict: as above.
        words: what it means, for the person at the page.
        numbers: what it was read from.
    """
    columns: Mapping[str, tuple[list[float], str]] = {
        "verdict": ([verdict], ""),
        **{name: ([value], "") for name, value in numbers.items()},
    }
    return Table.of(columns, rows=(title,), notes=(words,))


def not_available(title: str, why: str) -> Table:
    """A check that cannot be made, and why; never a 0 or a 1."""
    return verdict_table(title, nan, f"Not available: {why}")


def percent(share: float) -> str:
    """A share as a whole number of percent."""
    return f"{100 * share:.0f} %"


def is_informative(values: np.ndarray) -> bool:
    """Whether a map says something: it is known everywhere, and not the same everywhere."""
    return bool(np.isfinite(values).all()) and bool(np.ptp(values) > NOISE * np.abs(values).max())


def graded_verdict(value: float, good: float, bad: float) -> float:
    """A verdict by two limits; NaN stays. `good` may lie above or below `bad`."""
    if isnan(value):
        return nan
    if good > bad:
        return GOOD if value >= good else BAD if value <= bad else UNCLEAR
    return GOOD if value <= good else BAD if value >= bad else UNCLEAR
