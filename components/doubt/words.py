"""What the numbers of Confusion or ignorance say, in sentences."""

from __future__ import annotations

import numpy as np

from components.draw.drawing import Views
from engine.anomaly.doubt.blends import OTHER, OTHERS, OWN
from engine.anomaly.doubt.fvr import NONE, SEVERAL
from engine.result import Table


def percent(mass: float) -> str:
    """A mass as a person reads it."""
    return f"{100 * mass:.0f} %"


def sentence(found: Views) -> str:
    """Sure, hesitating or ignorant, with the mass that says so."""
    table: Table = found["masses"]
    ignorance, confusion = (table.cell(row, "mass") for row in (NONE, SEVERAL))
    given = named(table)
    if not given:
        return (
            f"The model has not seen this kind: ignorance {percent(ignorance)}, above the line of "
            f"{percent(table.cell(NONE, 'line'))}."
        )
    if len(given) > 1:
        return f"The model hesitates between {listed(given)}: confusion {percent(confusion)}."
    belief = percent(table.cell(given[0], "mass"))
    return f"The model takes this for {given[0]}: belief {belief}, little doubt of either kind."


def named(table: Table) -> list[str]:
    """The classes of the answer, the most plausible first."""
    chosen = np.flatnonzero(table["in the answer"] > 0)
    order = chosen[np.argsort(-table["plausibility"][chosen], kind="stable")]
    return [table.rows[at] for at in order]


def listed(words: list[str]) -> str:
    """Words in a sentence."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def doubts(found: Views) -> str:
    """Which doubt tells which trouble, and whether that is the one that should."""
    table: Table = found["doubts"]
    told = []
    for column, wanted in (("unknown images", "ignorance"), ("errors", "confusion")):
        own = table.cell(wanted, column)
        other = table.cell({"ignorance": "confusion", "confusion": "ignorance"}[wanted], column)
        if np.isfinite(own):
            verdict = "✓ as claimed" if own > other else "✗ the claim fails here"
            told.append(
                f"{column} should be told by {wanted}: AUROC {own:.2f}, the other doubt "
                f"{other:.2f} ({verdict})"
            )
    if not told:
        return "There are neither unknown images nor errors here to measure by."
    words = "; ".join(told)
    return f"{words[:1].upper()}{words[1:]}. 0.50 is chance."


def sets(found: Views) -> str:
    """What answers of several classes, or none, gain and cost."""
    table: Table = found["sets"]
    single, several = table.rows
    right = [table.cell(row, "true class in the answer") for row in (single, several)]
    size = table.cell(several, "classes to an answer")
    lost = table.cell(several, "normal images rejected")
    refused = table.cell(several, "unknown images rejected")
    words = (
        f"The true class is in the answer for {percent(right[1])} of the normal images that are "
        f"answered, at {size:.2f} classes to an answer; the best class alone is right for "
        f"{percent(right[0])} of all. {percent(lost)} of normal images are rejected"
    )
    return (
        f"{words}, and {percent(refused)} of unknown ones." if np.isfinite(refused) else f"{words}."
    )


def rises(table: Table) -> tuple[float, float]:
    """By how much confusion and ignorance rise on a way, at most."""
    confusion, ignorance = (table[name] - table[name][0] for name in (SEVERAL, NONE))
    return float(confusion.max()), float(ignorance.max())


def blends(found: Views) -> str:
    """Which doubt rises on which way."""
    labels = found["confusion"].labels
    to_class, to_noise = rises(found["class"]), rises(found["noise"])
    first = f"Toward {labels[1]}, {higher(*to_class)}; toward noise, {higher(*to_noise)}."
    return f"{first[:1].upper()}{first[1:]}"


def higher(confusion: float, ignorance: float) -> str:
    """The doubt that rises more, then the other one."""
    pairs = [("confusion", confusion), ("ignorance", ignorance)]
    (more, much), (less, little) = sorted(pairs, key=lambda pair: -pair[1])
    return f"{more} rises by up to {points(much)} ({less} by {points(little)})"


def points(rise: float) -> str:
    """A rise of a mass."""
    return f"{100 * rise:.0f} points"


def way(view: str, name: str, wanted: str, found: Views) -> str:
    """One way in a sentence, and whether the doubt that should rise is the one that does."""
    confusion, ignorance = rises(found[view])
    held = (confusion > ignorance) == (wanted == "confusion")
    verdict = f"✓ {wanted} should" if held else f"✗ not so here: {wanted} should"
    words, further = (
        f"Toward {name} {higher(confusion, ignorance)}. {verdict}.",
        found[view][OTHERS],
    )
    if further.max() > max(confusion, ignorance):
        words += f" Neither tells all: belief in further classes rises to {percent(further.max())}."
    return words


def step(table: Table, at: int) -> str:
    """All masses of one blend."""
    parts = {"its class": OWN, "the other": OTHER, "confusion": SEVERAL, "ignorance": NONE}
    return ", ".join(f"{name} {percent(float(table[key][at]))}" for name, key in parts.items())
