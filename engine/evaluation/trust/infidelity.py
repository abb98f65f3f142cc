"""A trial by infidelity: does what a map holds in a part predict what hiding the part does?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BlindspotError
from engine.core.method import Progress, part_of, quiet
from engine.core.result import Floats, HeatMap, Result, Table
from engine.core.run import answer
from engine.evaluation.measures.fidelity import missed
from engine.evaluation.trust.case import Check, TrustCase
from engine.evaluation.trust.squares import Boxes, HiddenSquares, cover, square_size, sums
from engine.evaluation.trust.verdict import (
    FLAT,
    NOISE,
    UNCLEAR,
    is_informative,
    not_available,
    percent,
    verdict_table,
)
from engine.vision.case import ImageCase

NOTHING = 0.995  # of the falls, not predicted
MOVES = 199  # the same map elsewhere, to compare with
SLOPE = " per brightness"  # how the units of slopes end
REGION = " per region"  # and those of values that a whole region has
SAME_STEP = 1 / 512  # half a step of an 8-bit color
Sums = NDArray[np.float64]


@dataclass(frozen=True)
class Infidelity(Check):
    """How much the map predicts of what hiding a small part of the image does. No verdict.

    Many squares are hidden, one at a time; what the map holds in a square should tell how far the
    score falls without it. A map of slopes is first multiplied by what hiding takes away from each
    pixel's brightness, a region's value shared out among its pixels. Infidelity is the share of the
    falls that the map, on its best scale, does not predict: 0 % when it knows them all, 100 % when
    it knows nothing. Beside it stands what the same map gets when it is moved elsewhere over the
    image, around its edges: the share of moves that do as well is small for a map that lies where
    it should. Maps that answer for large parts or tiny changes may fail here and be right about
    theirs, a score may even rise when a small part is hidden, and another cover can turn the
    finding round; so it only describes. A map that was made by hiding squares (occlusion) does well
    by design.
    """

    name = "Infidelity"
    title = "Does it predict what hiding a part does?"
    cost = "live"
    paper = "Yeh et al. 2019, https://arxiv.org/abs/1901.09392, definition 2.1, squares removed"
    proof = (
        "tests/engine/attribution/test_infidelity.py::test_the_weights_of_a_linear_model_know_all"
    )
    revision = 3  # regions of the same value are told apart by their place
    judges = False

    squares: int = square_size()
    cover: str = cover()

    @property
    def looks(self) -> int:
        """At the image with one square hidden, and at the whole of it."""
        return self.squares + 1

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        """check; for each square what the map holds in it and how far the score fell."""
        if not is_informative(case.heat.values):
            return {"check": not_available(self.title, FLAT)}
        try:
            values = worth(case.heat, case.asked, self.cover)
        except BlindspotError as error:
            return {"check": not_available(self.title, str(error))}
        squares_progress = part_of(progress, 0.0, 0.9)
        squares_result = answer(HiddenSquares(**self.settings()), case.asked, squares_progress)
        progress(1.0, "comparing with what hiding did")
        view, whole = squares_result["squares"], float(squares_result["whole"]["score"][0])
        fell = np.asarray(view["fell"], np.float64)
        if np.abs(fell).max() <= NOISE * max(abs(whole), 1.0):
            why = f"the score stays the same whichever square is hidden ({self.cover})"
            return {"check": not_available(self.title, why)}
        squares = np.stack([view[name] for name in ("top", "left", "side")], 1)
        map_sums, moved = square_sums(values, squares)
        unit = case.heat.unit.removesuffix(SLOPE).removesuffix(REGION)
        parts = {"map": (map_sums, unit), "fell": (fell, case.asked.target.unit)}
        return {"check": self.as_columns(map_sums, moved, fell), "squares": Table.of(parts)}

    def as_columns(self, own: Sums, moved: Sums, fell: Sums) -> Table:
        """Infidelity, that of moved maps, and how many of them do as well."""
        missing, others = float(missed(own, fell)), missed(moved, fell)
        middle, as_well = float(np.median(others)), float((others <= missing).mean())
        if missing > NOTHING:
            words = "It predicts nothing of what hiding squares does; moved elsewhere, the same "
            words += f"map predicts {percent(1 - middle)}."
        else:
            words = f"It predicts {percent(1 - missing)} of what hiding squares does; moved "
            words += f"elsewhere, the same map predicts {percent(1 - middle)}, and "
            words += f"{percent(as_well)} of the moves do as well."
        return verdict_table(
            self.title,
            UNCLEAR,
            words,
            infidelity=missing,
            infidelity_moved=middle,
            moves_as_good=as_well,
        )


def worth(heat: HeatMap, image_case: ImageCase, cover: str) -> Floats:
    """How far the score should fall without each pixel by a map, (H, W).

    Most maps tell that themselves. A value of a region is shared out among its pixels, which are
    those that have that value and touch. A slope tells it for a step of brightness, so that it has
    to be multiplied by x − cover, channel by channel. A map has one value for all channels: the sum
    of their slopes, which is enough where all channels take the same step, as in a gray image.

    Raises:
        BlindspotError: the slopes cannot be multiplied.
    """
    if heat.unit.endswith(REGION):
        from skimage.measure import label

        _, same = np.unique(heat.values, return_inverse=True)
        # others elsewhere may have the same value; superpixels and tiles are of one piece each
        place = label(same.reshape(heat.values.shape), background=-1, connectivity=1)
        return np.asarray(heat.values / np.bincount(place.ravel())[place], np.float32)
    if SLOPE not in heat.unit:
        return heat.values
    if not heat.unit.endswith(SLOPE):
        raise BlindspotError("its values are slopes, but not of single pixels.")
    if not heat.signed:
        raise BlindspotError("its values are sizes of slopes, which have lost their direction.")
    # f(x) − f(cover) ≈ slope · (x − cover)
    away = (image_case.image - image_case.baseline(cover)).numpy()
    if np.ptp(away, 0).max() > SAME_STEP:
        raise BlindspotError(
            "it is a slope whose channels were folded, and each channel takes another step."
        )
    return np.asarray(heat.values * away.mean(0), np.float32)


def square_sums(values: Floats, squares: Boxes) -> tuple[Sums, Sums]:
    """What a map holds in each square, (n,), and what it holds there once moved, (MOVES, n)."""
    generator = np.random.default_rng(0)
    places = 1 + generator.permutation(values.size - 1)[:MOVES]  # all but where it lies
    moves = np.stack(np.divmod(places, values.shape[1]), 1)
    result = sums(values, squares, np.concatenate([np.zeros((1, 2), np.int64), moves]))
    return result[0], result[1:]
