"""The trial that every map has first: whether its strong pixels carry the score.

The limits that its verdict goes by are our own, tried on the shipped models.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.attribution.trust.band import (
    EMPTY,
    IMAGE,
    WAYS,
    RandomBand,
    cover,
    heights,
    moves,
    orders,
    over,
    steps,
)
from engine.attribution.trust.case import Check, TrustCase
from engine.attribution.trust.verdict import (
    BAD,
    DOUBT,
    FLAT,
    GOOD,
    UNCLEAR,
    checked,
    known,
    not_available,
    percent,
)
from engine.measures.showing import SMALL, Shown, curves, ranks
from engine.method import Progress, part_of, quiet
from engine.result import Columns, Curve, Result
from engine.run import Answer, answer

STILL = "the score stays the same whatever is hidden"
STAKE, TIMES = 0.3, 10  # apart in probability, or so many times; shuffled digit models have less
MARGIN = 0.1  # of how far the score moves; without it 18 % of maps of noise beat 3 orders


@dataclass(frozen=True)
class Order(Check):
    """Whether the pixels that the map calls strong are those that the score hangs on.

    The strongest pixels are shown first on an empty picture (insertion), and hidden first in the
    image (deletion). A good map lifts the score early and lets it fall early: its curves should
    leave the band that random orders make. Where little hangs on the image, as in a model whose
    weights are random, no order can be confirmed. Half-hidden pictures are ones that the model may
    never have seen; try another cover before you believe it.
    """

    name = "Order"
    title = "Do the strong pixels carry the score?"
    cost = "live"
    proof = "tests/engine/attribution/test_trust.py::test_a_map_of_the_weights_beats_random_orders"
    revision = 2
    limits = (
        "For it: both areas under its curves are better than every random order's, by a margin of "
        f"{percent(MARGIN)} of how far the random orders move the score. Against it: both are "
        "worse than the middle one's. Not confirmed: neither has that margin, or little hangs on "
        f"the image: its class is less than {percent(STAKE)} likelier, or less likely, than in the "
        f"empty picture, and not {TIMES} times so by {percent(SMALL)} or more."
    )
    favor = "its strong pixels carry the score"
    against = "its strong pixels carry no more of the score than random ones"

    steps: int = steps()
    orders: int = orders()
    cover: str = cover()

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        """check; the map's curves; the band's ends, which every map of the image shares."""
        values, asked = case.heat.values, case.asked
        if not known(values):
            return {"check": not_available(self.title, FLAT)}
        begun, rest = part_of(progress, 0.0, 0.7), part_of(progress, 0.7, 1.0)
        band = answer(RandomBand(**self.settings()), asked, begun)
        own = curves(
            asked, {"map": ranks(values)}, cover=self.cover, steps=self.steps, progress=rest
        )["map"]
        views = {
            "insertion": over(own.area, own.insertion, asked),
            "deletion": over(own.area, own.deletion, asked),
            **{name: view for name, view in band.items() if isinstance(view, Curve)},
        }
        if not moves(views):
            words = f"Nothing hangs on the image: {STILL} ({self.cover})."
            return {"check": checked(self.title, DOUBT, words)}
        return {"check": self.judged(own, band), **views}

    def judged(self, own: Shown, band: Answer) -> Columns:
        """Clearly better than every random order both ways, worse both ways, or neither.

        Nothing confirms a map where the model is about as sure of an empty picture: an order may
        be right and still carry next to nothing, as in a model whose weights are random.
        """
        inserted, deleted = own.insertion_area, own.deletion_area
        inserts, deletes = (band["areas"][way] for way in WAYS)
        shown, empty = (band["sure"].cell(row, "probability") for row in (IMAGE, EMPTY))
        margin, many = MARGIN * float(np.ptp(heights(band))), every(len(inserts))
        lifts, lowers = inserted > max(inserts) + margin, deleted < min(deletes) - margin
        if not at_stake(shown, empty):
            verdict, words = DOUBT, (
                f"Little hangs on the image: its class is {percent(shown)} likely here, "
                f"{percent(empty)} in an empty picture."
            )  # fmt: skip
        elif inserted < np.median(inserts) and deleted > np.median(deletes):
            verdict, words = BAD, (
                "No better than a random order of pixels: do not read it as what the score rests "
                "on."
            )  # fmt: skip
        elif lifts and lowers:
            verdict, words = GOOD, (
                "Shown first its strong pixels lift the score, hidden first they lower it, clearly "
                f"sooner than {many}."
            )  # fmt: skip
        elif lifts or lowers:
            which = ("shown", "hidden") if lifts else ("hidden", "shown")
            verdict, words = UNCLEAR, (
                f"Its strong pixels do clearly better than {many} {which[0]} first, but not "
                f"{which[1]} first."
            )  # fmt: skip
        else:
            verdict, words = DOUBT, f"Its strong pixels do not clearly better than {many}."
        return checked(
            self.title, verdict, words, insertion=inserted, deletion=deleted,
            insertion_random=float(np.mean(inserts)), deletion_random=float(np.mean(deletes)),
        )  # fmt: skip


def at_stake(shown: float, empty: float) -> bool:
    """Whether much of a class's probability hangs on the image."""
    low, high = sorted((shown, empty))
    return high - low >= STAKE or (high - low >= SMALL and high >= TIMES * low)


def every(orders: int) -> str:
    """So many random orders, in words."""
    return f"all {orders} random orders" if orders > 1 else "a random order"
