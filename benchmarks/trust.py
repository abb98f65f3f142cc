"""What the trust panel's cheap part takes on EfficientNet-Lite0, map by map.

The budget is 1 s for the trials that are made at once: order, place, shape, and the other class's
map where the method itself is live. The map is known before, as on the page. Random orders are
shared by all maps of an image, so the first map pays for them and the others do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.setting import case, forwards
from benchmarks.timing import Ratio, paired
from engine.attribution import GradCam, Gradient, Occlusion
from engine.attribution.trust import CHEAP, Order, RandomBand, TrustCase
from engine.case import ImageCase
from engine.method import Method
from engine.run import answer

BUDGET = "budget 1 s"


def trial(method: Method[ImageCase]) -> tuple[TrustCase, Callable[[], object]]:
    """A map with a mask, and all of its cheap trials; the random orders are known by now."""
    asked = case()
    mask = np.zeros((asked.model.side,) * 2, bool)
    mask[60:150, 70:160] = True
    known = TrustCase(asked, method, mask)
    assert known.heat.values.any()  # noqa: S101 - and it is kept now
    assert answer(RandomBand(), asked)["areas"]  # noqa: S101 - and so are they
    checks = [kind() for kind in CHEAP if not kind().maps or method.cost == "live"]
    return known, lambda: [check(known) for check in checks]


def rows(rounds: int) -> Iterator[Ratio]:
    """Order and the random orders against their own forward passes; all cheap trials of maps."""
    order, band = Order(), RandomBand()
    own, random = (2 + many * 2 * (order.steps - 1) for many in (1, order.orders))
    known, work = trial(GradCam())
    for name, ours, count in (
        ("order of pixels, random orders known", lambda: order(known), own),
        ("random orders, once for all maps", lambda: band(known.asked), random + 2),
    ):
        yield paired(
            f"Trust: {name}", ours, lambda count=count: forwards(count), "its own forwards", 0.9,
            rounds, f"{count} forwards",
        )  # fmt: skip
    yield paired(
        "Trust: all cheap trials of the first map", lambda: (band(known.asked), work()),
        lambda: forwards(random + own), "the orders' forwards", None, rounds,
        f"{GradCam.title}, {BUDGET}",
    )  # fmt: skip
    for kind in (GradCam, Gradient, Occlusion):
        _, work = trial(kind())
        yield paired(
            f"Trust: all cheap trials of {kind.title}", work, lambda: forwards(own),
            "the order's forwards", None, rounds, BUDGET,
        )  # fmt: skip
