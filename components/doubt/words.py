"""What the numbers of Confusion or ignorance say, in sentences."""

from collections.abc import Sequence

import numpy as np

from engine.anomaly.fvr.blends import ITS_CLASS, OTHER, OTHERS
from engine.anomaly.fvr.findings import NONE, SEVERAL, higher, mass_increases, percent, rises
from engine.core.charts.drawing import Views
from engine.core.result import Table


def doubts(result: Views) -> str:
    table: Table = result["doubts"]
    parts = []
    wrong = int(table.cell("confusion", "wrong answers"))
    counted = {"errors": f" ({wrong} image{'s' * (wrong != 1)})"}
    for column, expected in (("unknown images", "ignorance"), ("errors", "confusion")):
        expected_auroc = table.cell(expected, column)
        other_auroc = table.cell(
            {"ignorance": "confusion", "confusion": "ignorance"}[expected], column
        )
        if np.isfinite(expected_auroc):
            verdict = "✓ as claimed" if expected_auroc > other_auroc else "✗ the claim fails here"
            parts.append(
                f"{column}{counted.get(column, '')} should be told by {expected}: AUROC "
                f"{expected_auroc:.2f}, the other doubt {other_auroc:.2f} ({verdict})"
            )
    if not parts:
        return "There are neither unknown images nor errors here to measure by."
    words = "; ".join(parts)
    return f"{words[:1].upper()}{words[1:]}. 0.50 is chance."


def sets(result: Views) -> str:
    table: Table = result["sets"]
    _, single, several = table.rows
    right = [table.cell(row, "true class in the answer") for row in (single, several)]
    size = table.cell(several, "classes to an answer")
    lost = table.cell(several, "normal images rejected")
    refused = table.cell(several, "unknown images rejected")
    words = (
        f"Of the normal images that are answered, the true class is in the answer for "
        f"{percent(right[1])}, at {size:.2f} classes to an answer; the best class alone is right "
        f"for {percent(right[0])}. {percent(lost)} of normal images are rejected"
    )
    return (
        f"{words}, and {percent(refused)} of unknown ones." if np.isfinite(refused) else f"{words}."
    )


def to_class(name: str, result: Views) -> str:
    """The way to another class, and whether confusion is the doubt that bulges on it."""
    confusion, ignorance = rises(result["class"])
    verdict = "✓ confusion should" if confusion > ignorance else "✗ not so here: confusion should"
    words = f"Toward {name} {higher(confusion, ignorance)}. {verdict}."
    return words + beyond(float(result["class"][OTHERS].max()), max(confusion, ignorance))


def to_noise(result: Views) -> str:
    confusion, ignorance = mass_increases(result["noise"])
    verdict = "✓ ignorance should" if ignorance > confusion else "✗ not so here: ignorance should"
    words = f"In noise alone {higher(confusion, ignorance, 'is up by')}. {verdict}."
    return words + beyond(float(result["noise"][OTHERS][-1]), max(confusion, ignorance))


def beyond(further: float, doubt: float) -> str:
    if further <= doubt:
        return ""
    return f" Neither tells all: belief in further classes is {percent(further)}."


def step(table: Table, at: int, names: Sequence[str]) -> str:
    """All masses of one blend; `names` are the image's class and the one it is blended with."""
    parts = {
        f"“{names[0]}”": ITS_CLASS,
        f"“{names[1]}”": OTHER,
        "confusion": SEVERAL,
        "ignorance": NONE,
    }
    return ", ".join(f"{name} {percent(float(table[key][at]))}" for name, key in parts.items())
