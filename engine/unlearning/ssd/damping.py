"""SSD at a slider's place, at once: how much is dampened, and what the model then gets right."""

from dataclasses import dataclass, replace

import numpy as np

from engine.unlearning.case import ForgetCase
from engine.unlearning.protocol.metrics import accuracy, evaluate_model
from engine.unlearning.ssd.unlearner import HIGHEST, LOWEST, SSD, dampened
from engine.unlearning.ways.network import own_copy


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
    ratio = started(case, method)
    method = replace(method, ratio=ratio)
    chosen = sum(
        int(np.count_nonzero(importance > ratio * train.values[name]))
        for name, importance in forget.values.items()
    )
    answers = evaluate_model(dampened(case, method), case)
    total = sum(importance.size for importance in forget.values.values())
    return Damped(
        chosen,
        total,
        1 - accuracy(answers.forget),
        accuracy(answers.retain),
        accuracy(answers.test),
    )


def started(case: ForgetCase, method: SSD) -> float:
    """The threshold α that a method would take, within what can be set."""
    forget, train, _ = method.importances(case)
    result = method.threshold(case, own_copy(case.model), case.data, forget, train)
    return min(max(result, LOWEST), HIGHEST)
