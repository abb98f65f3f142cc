"""How far maps of one image agree: by direction, by order, by what stands out, by sign."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from engine.measures.drift import rank_correlation, same_size, top_overlap
from engine.result import Floats, Table

TOP = 0.1  # share of the pixels that stand out


def cosine(one: Floats, other: Floats) -> float:
    """The cosine between two maps; NaN when one is zero everywhere."""
    same_size(one, other)
    a, b = one.astype(np.float64).ravel(), other.astype(np.float64).ravel()
    length = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / length) if length > 0 else float("nan")


def sign_agreement(one: Floats, other: Floats, share: float = TOP) -> float:
    """Of the pixels that stand out most in the first, the share with the same sign in the other.

    NaN when one is flat.
    """
    same_size(one, other)
    if not np.ptp(np.abs(one)) or not np.ptp(np.abs(other)):
        return float("nan")
    count = max(round(share * one.size), 1)
    top = np.argsort(-np.abs(one).ravel(), kind="stable")[:count]
    return float(np.mean(np.sign(one.ravel()[top]) == np.sign(other.ravel()[top])))


AGREEMENTS: Mapping[str, Callable[[Floats, Floats], float]] = {
    "cosine": cosine,
    "order": rank_correlation,
    "strongest": top_overlap,
    "sign": sign_agreement,
}
UNITS = {"cosine": "cosine", "order": "Spearman", "strongest": "IoU", "sign": "share"}


def matrix(maps: Sequence[tuple[str, Floats]], by: str = "order") -> Table:
    """Every map against every other, (n, n).

    Args:
        maps: a name and values (H, W) of each.
        by: a key of AGREEMENTS.
    """
    measure, names = AGREEMENTS[by], tuple(name for name, _ in maps)
    values = [[measure(one, other) for _, other in maps] for _, one in maps]
    return Table(np.array(values, np.float32), names, names, (UNITS[by],) * len(names))
