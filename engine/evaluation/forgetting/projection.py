"""The weights between 0 and 1, with a given sum, that are nearest to given numbers."""

import numpy as np

from engine.core.errors import BlindspotError
from engine.evaluation.forgetting.attack import Doubles

HALVINGS = 200  # of the interval in which the shift lies
NEAR = 1e-9  # to the sum


def project(values: Doubles, total: float) -> Doubles:
    """The nearest weights from 0 to 1 with a sum: values less a shift that bisection finds, cut.

    Args:
        values: (N,).
        total: the sum.

    Raises:
        BlindspotError: there are no such weights, or a value is no finite number.
    """
    if not 0 <= total <= len(values) or not np.isfinite(values).all():
        raise BlindspotError(
            f"{len(values)} weights from 0 to 1 cannot add up to {total:g}, or their values are "
            "not finite: choose fewer images, or a lower rate."
        )
    # all weights are 1 at the low end and 0 at the high one; the sum falls in between
    low, high = float(np.min(values)) - 1, float(np.max(values))
    for _ in range(HALVINGS):
        shift = (low + high) / 2
        excess = np.clip(values - shift, 0, 1).sum() - total
        if abs(excess) < NEAR:
            break
        low, high = (shift, high) if excess > 0 else (low, shift)
    cut: Doubles = np.clip(values - shift, 0, 1)
    return cut
