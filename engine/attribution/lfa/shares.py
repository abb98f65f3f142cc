"""How much of a change in score each explainer predicts, for the changes a person may care about.

A share of 1 is all of the change, 0 no more than predicting no change, below 0 worse than that; NaN
where nothing moves the score. Advice goes by fresh samples, to which no explainer was fitted.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.attribution.lfa.neighborhoods import ROWS
from engine.core.result import Floats, Table

CHANGES: Mapping[str, str] = {  # what a person may care about: the neighborhood that stands for it
    "Small changes of brightness": "C-LIME",
    "Parts taken away, one at a time": "Occlusion",
    "Parts taken away, many at once": "LIME",
    "Parts taken away, any number": "KernelSHAP",
    "The whole image fading": "Integrated gradients",
}


def shares(squared: Table, still: Floats) -> Floats:
    """The share that each explainer predicts in each neighborhood, (8, 8).

    Args:
        squared: squared losses, (explainers, neighborhoods).
        still: those of predicting no change, (neighborhoods,).
    """
    base = np.where(still > 0, still, np.nan).astype(np.float64)
    result: Floats = (1 - squared.values / base).astype(np.float32)
    return result


def fresh_shares(result: Mapping[str, Any]) -> Floats:
    """The shares at fresh samples, (8, 8), from an answer of `LFA`."""
    return shares(result["fresh squared loss"], result["fresh no change"].values[0])


def shares_of_change(predicted: Floats, change: str) -> Floats:
    """Each explainer's share of one kind of change, (8,)."""
    result: Floats = predicted[:, ROWS.index(CHANGES[change])]
    return result


def trusted(predicted: Floats, change: str) -> int | None:
    """The row that predicts a change best; None where none beats predicting no change."""
    result = np.nan_to_num(shares_of_change(predicted, change), nan=-np.inf)
    return int(result.argmax()) if result.max() > 0 else None


def descending_rows(column_shares: Floats) -> list[int]:
    """Rows from the largest share to the smallest, unknown ones last."""
    order: list[int] = np.argsort(
        -np.nan_to_num(column_shares, nan=-np.inf), kind="stable"
    ).tolist()
    return order


def ranked(result: Mapping[str, Any], change: str) -> Table:
    """The explainers from best to worst for one kind of change, (8, fresh and own samples)."""
    predicted = shares_of_change(fresh_shares(result), change)
    fitted = shares_of_change(shares(result["squared loss"], result["no change"].values[0]), change)
    order = descending_rows(predicted)
    names = ("predicted", "at its own samples")
    rows = tuple(ROWS[place] for place in order)
    return Table.grid(np.stack([predicted, fitted], 1)[order], rows, names, ("share", "share"))
