"""What kind of doubt it is, in sentences that the masses bear out."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.core.result import Table
from engine.evaluation.detection.conformal import INDEPENDENT

SEVERAL, NONE = "several classes", "no class"


def percent(mass: float) -> str:
    """A mass as a person reads it."""
    return f"{100 * mass:.0f} %"


def kind_of_doubt(table: Table, lines_from: int) -> str:
    """Sure, hesitating or ignorant, with the mass that says so.

    Args:
        table: the view "masses" of FVR.
        lines_from: how many normal images the lines come from.
    """
    ignorance, confusion = (table.cell(row, "mass") for row in (NONE, SEVERAL))
    lines = {row: table.cell(row, "line") for row in (NONE, SEVERAL)}
    classes = answer_classes(table)
    if lines_from < INDEPENDENT:
        best = table.rows[int(table["mass"][:-2].argmax())]
        return (
            f"Too few normal images for an answer: {lines_from} draw the lines, and at least "
            f"{INDEPENDENT} are needed. Belief in {best} is {percent(table.cell(best, 'mass'))}, "
            f"confusion {percent(confusion)}, ignorance {percent(ignorance)}."
        )
    if not classes:
        return (
            f"The model has not seen this kind: ignorance {percent(ignorance)}, above the line of "
            f"{percent(lines[NONE])}."
        )
    if len(classes) > 1:
        return f"The model hesitates between {join_words(classes)}: confusion {percent(confusion)}."
    belief = (
        f"The model takes this for {classes[0]}: belief {percent(table.cell(classes[0], 'mass'))}"
    )
    if confusion > lines[SEVERAL]:
        return (
            f"{belief}. Confusion of {percent(confusion)} is above its line, but no other class is "
            "nearly as plausible."
        )
    return f"{belief}; neither doubt is above its line."


def answer_classes(table: Table) -> list[str]:
    """The classes of the answer, the most plausible first."""
    chosen = np.flatnonzero(table["in the answer"] > 0)
    order = chosen[np.argsort(-table["plausibility"][chosen], kind="stable")]
    return [table.rows[at] for at in order]


def join_words(words: list[str]) -> str:
    """Words in a sentence."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def which_rises(result: Mapping[str, Any]) -> str:
    """Which doubt rises on the way to another class, and which at its end in noise."""
    other = result["confusion"].labels[1]
    return (
        f"Toward {other}, {higher(*rises(result['class']))}; in noise alone, "
        f"{higher(*mass_increases(result['noise']), 'is up by')}."
    )


def rises(table: Table) -> tuple[float, float]:
    """By how much confusion and ignorance rise on a way, at most."""
    confusion, ignorance = (table[name] - table[name][0] for name in (SEVERAL, NONE))
    return float(confusion.max()), float(ignorance.max())


def mass_increases(table: Table) -> tuple[float, float]:
    """By how much confusion and ignorance are higher at the end of a way than at its beginning."""
    confusion, ignorance = (float(table[name][-1] - table[name][0]) for name in (SEVERAL, NONE))
    return confusion, ignorance


def higher(confusion: float, ignorance: float, rise: str = "rises by up to") -> str:
    """The doubt that rises more, then the other one."""
    pairs = [("confusion", confusion), ("ignorance", ignorance)]
    (larger, larger_rise), (smaller, smaller_rise) = sorted(pairs, key=lambda pair: -pair[1])
    return f"{larger} {rise} {points(larger_rise)} ({smaller} by {points(smaller_rise)})"


def points(rise: float) -> str:
    """A rise of a mass."""
    return f"{100 * rise:.0f} points".replace("-", "−")
