"""What the trials of a map say together: signs, words and counts. Numbers and texts only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite, isnan

import numpy as np

from components.charts.tables import as_table, signed
from engine.attribution.trust import Check
from engine.result import Columns, Table

Found = tuple[Check, Columns | None]  # a trial and what it gave; None before it was made

SAID = {1.0: ("✓", "speaks for it"), 0.0: ("?", "neither way"), -1.0: ("✗", "speaks against it")}
UNKNOWN = ("–", "not available")
HEADINGS = {
    "insertion": "area, shown first",
    "deletion": "area, hidden first",
    "insertion_random": "random order, shown first",
    "deletion_random": "random order, hidden first",
    "hit": "pointing game",
    "mass": "share of the map on the truth",
    "rank": "strongest on the truth",
    "gini": "sparseness (Gini)",
    "entropy": "complexity (entropy, nats)",
    "png_bytes": "as a picture (bytes)",
    "order": "order of sizes (Spearman)",
    "ssim": "structure (SSIM)",
    "max_sensitivity": "largest change (max-sensitivity)",
    "infidelity": "not foretold (infidelity)",
    "infidelity_moved": "not foretold when moved, median",
    "moves_as_good": "moves that do as well",
}
DESCRIBED = ("·", "a description, no verdict")


def verdict(view: Columns) -> float:
    """1, 0, −1 or NaN."""
    return float(view["verdict"][0])


def sign(check: Check, view: Columns) -> tuple[str, str]:
    """The sign and the word of a verdict; the word says all that the sign does."""
    found = verdict(view)
    if isnan(found):
        return UNKNOWN
    return SAID[found] if check.judges else DESCRIBED


def line(check: Check, view: Columns) -> str:
    """A trial in one line, as Markdown: sign, word, what was asked, what came out."""
    mark, word = sign(check, view)
    note = view.notes[0].removeprefix("Not available: ")
    return f"{mark} **{word}** · {check.title} {note[:1].upper()}{note[1:]}"


def figures(view: Columns) -> Table:
    """What a verdict was read from."""
    names = [name for name in view.order if name != "verdict"]
    held = as_table(view, names)
    return replace(held, columns=tuple(HEADINGS.get(name, name) for name in names))


def summary(found: Sequence[Found]) -> str:
    """What speaks for a map and against it, and how many trials say neither or were not made."""
    judged = [(check, view) for check, view in found if check.judges]
    made = [(check, verdict(view)) for check, view in judged if view is not None]
    good = [check.favor for check, value in made if value == 1.0]
    against = [check.against for check, value in made if value == -1.0]
    unclear, unknown = (sum(test(value) for _, value in made) for test in (lambda v: v == 0, isnan))
    counts = {
        "neither way": unclear, "not available": unknown, "not tried yet": len(judged) - len(made),
    }  # fmt: skip
    parts = [speaking(good, against)] if good or against or unclear else []
    if rest := ", ".join(f"{count} {words}" for words, count in counts.items() if count):
        parts.append(f"{rest}.")
    return " ".join(parts)


def speaking(good: Sequence[str], against: Sequence[str]) -> str:
    """The reasons, those against it first; or that there are none."""
    if not good and not against:
        return "Nothing speaks for it or against it."
    if not against:
        return f"✓ For it: {'; '.join(good)}. Nothing against it."
    told = f"**✗ Against it: {'; '.join(against)}.** "
    return told + (f"✓ For it: {'; '.join(good)}." if good else "Nothing for it.")


def cost(maps: int, looks: int, each: float | None, known: float | None) -> str:
    """What a trial costs: how many maps or looks, and seconds where they can be foretold.

    Args:
        maps: how many more maps it makes.
        looks: how often it looks at an image instead.
        each: seconds that the map itself took.
        known: seconds that the same trial took here before.
    """
    count = f"{looks} looks" if looks else f"{maps} more map" + ("" if maps == 1 else "s")
    foretold = None if each is None or not maps else maps * each
    seconds = known if known is not None else foretold
    if seconds is None or not isfinite(seconds):
        return count
    return f"{count}, " + ("under 1 s" if seconds < 1 else f"about {seconds:.0f} s")


def alike(table: Table) -> str:
    """Which two of several maps are most alike, and which least."""
    count = len(table.rows)
    pairs = [
        (float(table.values[one, other]), f"{table.rows[one]} and {table.rows[other]}")
        for one in range(count)
        for other in range(one + 1, count)
        if np.isfinite(table.values[one, other])
    ]
    if not pairs:
        return "A flat map agrees with nothing."
    (low, least), (high, most) = min(pairs), max(pairs)
    if len(pairs) == 1:
        return f"{most}: {signed(high)}."
    return f"Most alike: {most} ({signed(high)}). Least: {least} ({signed(low)})."
