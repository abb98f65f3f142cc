"""How far two heat maps of one image are apart, by order and by what stands out most."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from engine.errors import BlindspotError
from engine.result import Floats

TOP = 0.1  # share of the pixels that stand out most


def rank_correlation(one: Floats, other: Floats) -> float:
    """Spearman's correlation of the sizes |a| of two maps; NaN when one is flat."""
    same_size(one, other)
    a, b = (rankdata(np.abs(values).ravel()) for values in (one, other))
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else float("nan")


def top_overlap(one: Floats, other: Floats, share: float = TOP) -> float:
    """IoU of the pixels with the largest sizes, that share of each map; of equal ones the first.

    Two independent maps come to share ÷ (2 − share), 0.053 for a tenth. NaN when one is flat.
    """
    same_size(one, other)
    if not np.ptp(np.abs(one)) or not np.ptp(np.abs(other)):
        return float("nan")
    count = max(round(share * one.size), 1)
    a, b = (
        set(np.argsort(-np.abs(values).ravel(), kind="stable")[:count].tolist())
        for values in (one, other)
    )
    return len(a & b) / len(a | b)


def same_size(one: Floats, other: Floats) -> None:
    """Raise BlindspotError when two maps differ in size."""
    if one.shape != other.shape:
        raise BlindspotError(f"Maps of {one.shape} and {other.shape} cannot be compared.")
