"""The trial that every map has first: whether its strong pixels carry the score.

The limits that its verdict goes by are our own, tried on the shipped models.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from engine.core.method import Progress, Slider, quiet, setting
from engine.core.result import Curve, Floats, Result, Table, View
from engine.evaluation.measures.showing import SMALL, MapCurves, curves, ranks
from engine.evaluation.trust.case import Check, TrustCase
from engine.evaluation.trust.copies import copies
from engine.evaluation.trust.squares import cover
from engine.evaluation.trust.verdict import (
    BAD,
    DOUBT,
    FLAT,
    GOOD,
    NOISE,
    is_informative,
    not_available,
    percent,
    verdict_table,
)
from engine.vision.case import ImageCase

WAYS = ("insertion", "deletion")
STILL = "the score stays the same whatever is hidden"
STAKE, TIMES = 0.3, 10  # apart in probability, or so many times; shuffled digit models have less
MARGIN = 0.03  # of how far the score moves, for each of the two areas


@dataclass(frozen=True)
class Order(Check):
    """Whether the pixels that the map calls strong are those that the score hangs on.

    The strongest pixels are shown first on an empty picture (insertion), and hidden first in the
    image (deletion). A good map lifts the score early and lets it fall early. It is compared with
    copies of itself, turned, mirrored and moved over the image: they are as smooth as the map, and
    do not know where anything is. Where little hangs on the image, as in most models whose weights
    are random, no order can be confirmed. Half-hidden pictures are ones that the model may never
    have seen; try another cover before you believe it.
    """

    name = "Order"
    title = "Do the strong pixels carry the score?"
    cost = "wait"  # about 400 forward passes; others' live questions go first
    paper = "Petsiuk, Das and Saenko 2018, RISE, https://arxiv.org/abs/1806.07421"
    proof = (
        "tests/engine/evaluation/trust/test_order.py::test_a_map_of_the_weights_beats_its_copies"
    )
    revision = 4
    evidence = True
    limits = (
        "By the area under insertion minus that under deletion. For it: larger than every copy's, "
        f"by {percent(2 * MARGIN)} of how far the copies move the score. Against it: smaller "
        "than every copy's, by as much. Not confirmed: neither, or little hangs on the image: "
        f"its class is less than {percent(STAKE)} likelier, or less likely, than in the empty "
        f"picture, and not {TIMES} times so by {percent(SMALL)} or more."
    )
    favor = "its strong pixels carry the score"
    against = "its strong pixels carry no more of the score than the same map elsewhere"

    steps: int = setting(10, Slider(5, 50, 1), "Steps", "Steps of equal area from none to all.")
    copies: int = setting(
        19,
        Slider(9, 99, 10),
        "Copies",
        "Copies of the map, turned, mirrored and moved. By chance "
        "alone one map in twenty is better than 19 copies.",
    )
    cover: str = cover()

    @property
    def looks(self) -> int:
        """Forward passes, at most: the map and its copies, shown and hidden at every step."""
        return 2 * self.steps * (self.copies + 1)

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        """check; the map's curves; the lowest and highest of its copies'."""
        values, question = case.heat.values, case.asked
        if not is_informative(values):
            return {"check": not_available(self.title, FLAT)}
        maps = [values, *copies(values, self.copies)]
        orders = {str(number): ranks(heat_map) for number, heat_map in enumerate(maps)}
        own_curves, *others = curves(
            question, orders, cover=self.cover, steps=self.steps, progress=progress
        ).values()
        if not moves([own_curves, *others]):
            words = f"Nothing hangs on the image: {STILL} ({self.cover})."
            return {"check": verdict_table(self.title, DOUBT, words)}
        check = self.judged(own_curves, others, self.sure(question))
        return {"check": check, **curves_with_band(own_curves, others, question)}

    def sure(self, image_case: ImageCase) -> tuple[float, float]:
        """The class's probability in the image and in the empty picture."""
        pair = torch.stack([image_case.image, image_case.baseline(self.cover)])
        probabilities = image_case.model.probabilities(image_case.model.logits(pair))
        original, empty = probabilities[:, image_case.target.index].tolist()
        return original, empty

    def judged(
        self, own: MapCurves, others: Sequence[MapCurves], sure: tuple[float, float]
    ) -> Table:
        """Clearly better than every copy, clearly worse than every copy, or neither.

        Nothing confirms a map where the model is about as sure of an empty picture: an order may
        be right and still carry next to nothing, as in a model whose weights are random.
        """
        inserts = np.array([map_curves.insertion_area for map_curves in others])
        deletes = np.array([map_curves.deletion_area for map_curves in others])
        gaps, count = inserts - deletes, len(others)
        as_good = int((gaps + 2 * MARGIN * score_range(others) >= own.gap).sum())
        is_worse = bool((own.gap < gaps - 2 * MARGIN * score_range(others)).all())
        elsewhere = f"{count} copies of the map, turned, mirrored or moved over the image"
        if not at_stake(*sure):
            verdict, words = (
                DOUBT,
                (
                    f"Little hangs on the image: its class is {percent(sure[0])} likely here, "
                    f"{percent(sure[1])} in an empty picture."
                ),
            )
        elif is_worse:
            verdict, words = (
                BAD,
                (f"All {elsewhere}, do clearly better: do not read it as what the score rests on."),
            )
        elif as_good:
            verdict, words = DOUBT, f"{as_good} of {elsewhere}, do as well."
        else:
            verdict, words = (
                GOOD,
                (
                    "Its strong pixels lift the score when shown first and lower it when hidden "
                    "first, "
                    f"clearly more than in all {elsewhere}."
                ),
            )
        return verdict_table(
            self.title,
            verdict,
            words,
            insertion=own.insertion_area,
            deletion=own.deletion_area,
            insertion_copies=float(np.median(inserts)),
            deletion_copies=float(np.median(deletes)),
            copies_as_good=as_good / count,
        )


def curves_with_band(
    own: MapCurves, others: Sequence[MapCurves], asked: ImageCase
) -> dict[str, View]:
    """The map's curves, and the lowest and highest of its copies' at each area."""
    words = asked.target.words(asked.model.labels)

    def curve(score: Floats) -> Curve:
        return Curve(own.area, score, "share of the image", words, asked.target.unit)

    views: dict[str, View] = {}
    for way in WAYS:
        scores = np.stack([getattr(map_curves, way) for map_curves in others])
        views[way] = curve(getattr(own, way))
        views[f"{way} low"], views[f"{way} high"] = curve(scores.min(0)), curve(scores.max(0))
    return views


def score_range(curve_sets: Sequence[MapCurves]) -> float:
    """How far the scores of some orders lie apart."""
    return float(np.ptp([getattr(map_curves, way) for map_curves in curve_sets for way in WAYS]))


def moves(curve_sets: Sequence[MapCurves]) -> bool:
    """Whether any of the curves leaves its start by more than rounding."""
    largest = max(
        float(np.abs(getattr(map_curves, way)).max()) for map_curves in curve_sets for way in WAYS
    )
    return score_range(curve_sets) > NOISE * max(largest, 1.0)


def at_stake(original: float, empty: float) -> bool:
    """Whether much of a class's probability hangs on the image."""
    low, high = sorted((original, empty))
    return high - low >= STAKE or (high - low >= SMALL and high >= TIMES * low)
