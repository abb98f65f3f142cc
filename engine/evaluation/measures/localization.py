"""Where a map lies against a mask that is known to hold what the class depends on.

The pointing game is Zhang et al. 2018 (https://arxiv.org/abs/1608.00507); mass and rank accuracy
are Arras et al. 2022 (https://arxiv.org/abs/2003.07258).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BlindspotError
from engine.core.result import Floats


@dataclass(frozen=True)
class Located:
    """How much of a map lies in the mask, all from 0 to 1.

    Args:
        hit: pointing game: whether the highest value is in the mask; of several equal ones, the
            share that is, so that a flat map scores what chance gives.
        mass: the share of all positive values that is in the mask; NaN when no value is positive.
        rank: the share of the |mask| highest values that is in the mask.
        chance: the mask's share of the picture, which a map that knows nothing scores.
    """

    hit: float
    mass: float
    rank: float
    chance: float


def located(values: Floats, mask: NDArray[np.bool_]) -> Located:
    """Score a map (H, W) against a mask (H, W); unknown values (NaN) count as the lowest.

    Raises:
        BlindspotError: the mask is empty, or of another size.
    """
    if mask.shape != values.shape:
        raise BlindspotError(f"Map {values.shape} and mask {mask.shape} differ in size.")
    size = int(mask.sum())
    if not size:
        raise BlindspotError("The mask is empty: there is nothing that a map could hit.")
    comparable = np.nan_to_num(
        values.astype(np.float64), nan=-np.inf, posinf=np.inf, neginf=-np.inf
    )
    # an infinite value ranks first, but would be all of the mass
    positive = np.where(np.isfinite(comparable), comparable, 0.0).clip(0)
    total = positive.sum()
    return Located(
        hit=float(mask[comparable == comparable.max()].mean()),
        mass=float(positive[mask].sum() / total) if total > 0 else float("nan"),
        rank=top_share(comparable, mask, size),
        chance=size / mask.size,
    )


def top_share(values: NDArray[np.float64], mask: NDArray[np.bool_], size: int) -> float:
    """The mask's share among the `size` highest values; equal ones at the edge count by share."""
    edge = np.partition(values, values.size - size, axis=None)[values.size - size]
    is_above, is_tied = values > edge, values == edge
    room = size - int(is_above.sum())
    # of the ties at the edge what a random order gives on average
    return float((mask[is_above].sum() + room * mask[is_tied].mean()) / size)
