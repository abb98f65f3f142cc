"""SSD at a slider's place, at once: how much is dampened, and what the model then gets right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.unlearning.case import ForgetCase
from engine.unlearning.metrics import accuracy, judged
from engine.unlearning.ssd import SSD, dampened


@dataclass(frozen=True)
class Damped:
    """What a threshold and a strength do.

    Args:
        chosen: how many weights are dampened.
        total: of how many.
        unlearning: UA, the share of forgotten images that are now wrong.
        retain: RA, the share of the other training images that are right.
        test: TA, the share of test images that are right.
    """

    chosen: int
    total: int
    unlearning: float
    retain: float
    test: float


def damped(case: ForgetCase, method: SSD) -> Damped:
    """The figures without an attack; importances are computed only the first time."""
    forget, train, _ = method.importances(case)
    ratio = method.threshold(forget, train)
    chosen = sum(
        int(np.count_nonzero(own > ratio * train.values[name]))
        for name, own in forget.values.items()
    )
    said = judged(dampened(case, method), case)
    total = sum(one.size for one in forget.values.values())
    return Damped(
        chosen, total, 1 - accuracy(said.forget), accuracy(said.retain), accuracy(said.test)
    )
