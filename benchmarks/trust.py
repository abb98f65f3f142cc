"""What the trust panel's cheap part takes on EfficientNet-Lite0, map by map.

The trials that are made at once are order, place, shape, and the other class's map where the
method itself is live. The map is known before, as on the page.
"""

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.setting import case, forwards
from benchmarks.table import BenchmarkRow
from benchmarks.timing import paired, within
from engine.attribution import GradCam, Gradient, Occlusion
from engine.core.method import Method
from engine.evaluation.trust import CHEAP, Order, TrustCase
from engine.vision.case import ImageCase

BUDGET = 1.0  # seconds


def trial(method: Method[ImageCase]) -> tuple[TrustCase, Callable[[], object]]:
    """A map with a mask, and all of its cheap trials."""
    question = case()
    mask = np.zeros((question.model.side,) * 2, bool)
    mask[60:150, 70:160] = True
    trust_case = TrustCase(question, method, mask)
    assert trust_case.heat.values.any()  # noqa: S101 - and it is kept now
    checks = [kind() for kind in CHEAP if not kind().maps or method.cost == "live"]
    return trust_case, lambda: [check(trust_case) for check in checks]


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """The order of pixels against its own forward passes; all cheap trials of maps."""
    order = Order()
    count = 2 + (1 + order.copies) * 2 * (order.steps - 1)
    trust_case, _ = trial(GradCam())
    yield paired(
        "Trust: order of pixels",
        lambda: order(trust_case),
        lambda: forwards(count),
        "its own forwards",
        0.9,
        rounds,
        f"{count} forwards",
    )
    for kind in (GradCam, Gradient, Occlusion):
        _, work = trial(kind())
        name = f"Trust: all cheap trials of {kind.title}"
        yield paired(name, work, lambda: forwards(count), "the order's forwards", rounds=rounds)
        yield within(name, work, BUDGET, rounds)
