"""Trials of a heat map on the person's own image that take no or few more maps.

None proves a map right; each can show it wrong.

The limits that verdicts go by are our own, tried on the shipped models; they are said beside each.
"""

from dataclasses import dataclass

import numpy as np

from engine.core.errors import BlindspotError
from engine.core.method import Choice, Progress, defaults, quiet, setting
from engine.core.result import HeatMap, Result, Table
from engine.evaluation.measures.agreement import cosine
from engine.evaluation.measures.concentration import entropy, file_bytes, gini
from engine.evaluation.measures.localization import Located, located
from engine.evaluation.trust.alike import Comparison
from engine.evaluation.trust.case import Check, TrustCase, stage
from engine.evaluation.trust.copies import moved_copies
from engine.evaluation.trust.order import Order
from engine.evaluation.trust.verdict import (
    BAD,
    FLAT,
    GOOD,
    UNCLEAR,
    graded_verdict,
    is_informative,
    not_available,
    percent,
    verdict_table,
)

SAME, OTHER = 0.9, 0.7  # Spearman: above the one it is the same map, below the other another one
OPPOSITE = -0.7  # cosine of signed maps: below it the other map says the opposite
COPIES = 19  # of a map: by chance alone one map in twenty is better than all
WHOLE = 0.8  # share of the picture from which on an outline holds nearly all of it
SECOND, MIDDLE = "the second best", "from the middle"


@dataclass(frozen=True)
class Place(Check):
    """Whether the map lies where the truth is known to be, and how concentrated it is.

    Only for images whose truth is known. A map that knows nothing scores the mask's share of the
    picture. A true map of a model that goes by something else scores low too.
    """

    name = "Place"
    title = "Does it lie on the truth?"
    cost = "live"
    needs = frozenset({"mask"})
    argument_defaults = defaults(image="example:phantoms:count=40/17", model="phantom-cnn")
    proof = "tests/engine/evaluation/trust/test_cheap.py::test_a_map_on_the_mask_is_found_there"
    evidence = True
    revision = 3
    limits = (
        "For it: twice chance, or 60 % of its strongest pixels on the truth, and more than in any "
        f"of {COPIES} copies of the map, moved elsewhere. Against it: at most 1.2 times "
        f"chance. Not available where the truth is {percent(WHOLE)} of the picture or more."
    )
    favor = "more on the truth than chance"
    against = "no more on the truth than chance"

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        progress(1.0, "comparing with the truth")
        values = case.heat.values
        if not is_informative(values):
            return {"check": not_available(self.title, FLAT)}
        if case.mask is None:
            return {"check": not_available(self.title, "no truth is known.")}
        try:
            result = located(values, case.mask)
        except BlindspotError as error:
            return {"check": not_available(self.title, str(error))}
        if result.chance >= WHOLE:
            why = f"the outline covers nearly the whole image ({percent(result.chance)})."
            return {"check": not_available(self.title, why)}
        turned = [located(shifted, case.mask).rank for shifted in moved_copies(values, COPIES)]
        return {"check": self.judged(result, sum(rank >= result.rank for rank in turned))}

    def judged(self, location: Located, as_good: int) -> Table:
        """By how much more than chance, and whether any copy does as well."""
        lift = location.rank / location.chance
        on_truth, chance = percent(location.rank), percent(location.chance)
        enough = lift >= 2 or location.rank >= 0.6
        if lift <= 1.2:
            verdict, words = BAD, f"No more on the truth than chance: {on_truth} against {chance}."
        elif not enough:
            words = f"A little more on the truth than chance: {on_truth} against {chance}."
            verdict = UNCLEAR
        elif as_good:
            verdict, words = (
                UNCLEAR,
                (
                    f"{on_truth} of its strongest pixels lie on the truth, but of {as_good} of "
                    f"{COPIES} "
                    "copies of the map, moved elsewhere, as many do."
                ),
            )
        else:
            verdict, words = (
                GOOD,
                (
                    f"{on_truth} of its strongest pixels lie on the truth, which is {chance} of "
                    "the "
                    "picture."
                ),
            )
        return verdict_table(
            self.title,
            verdict,
            words,
            hit=location.hit,
            mass=location.mass,
            rank=location.rank,
            chance=location.chance,
            copies_as_good=as_good / COPIES,
        )


@dataclass(frozen=True)
class Shape(Check):
    """How concentrated the map is: sparseness (Gini), complexity (entropy), size as a picture.

    None of these says whether the map is right. A map of few strong places is easier to read.
    """

    name = "Shape"
    title = "How concentrated is it?"
    cost = "live"
    proof = "tests/engine/evaluation/trust/test_cheap.py::test_shape_has_no_verdict"
    judges = False

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        """check, without a verdict."""
        progress(1.0, "measuring")
        values = case.heat.values
        if not is_informative(values):
            return {"check": not_available(self.title, FLAT)}
        sparse, spread = gini(values), entropy(values)
        effective_share = float(np.exp(spread)) / values.size
        words = f"It is spread as evenly as over {percent(effective_share)} of the pixels."
        return {
            "check": verdict_table(
                self.title,
                UNCLEAR,
                words,
                gini=sparse,
                entropy=spread,
                png_bytes=float(file_bytes(values)),
            )
        }


@dataclass(frozen=True)
class OtherClass(Check):
    """Whether the map is another one when another class is asked about.

    The same method is asked about another class: one from the middle of the model's ranking, which
    has little to do with the image, or the second best, which may look alike to the model. A map
    that stays the same shows what is there, not what speaks for the class. Where what speaks for
    one class speaks against the other, the opposite map comes out, and that is another one.
    """

    name = "OtherClass"
    title = "Is it about this class?"
    cost = "live"
    proof = "tests/engine/evaluation/trust/test_cheap.py::test_a_map_that_knows_no_class_is_caught"
    revision = 3
    limits = (
        "By the order of the map's sizes (Spearman's correlation with the other map), as a share "
        f"of the way from chance (0) to the same order (1). For it: at most {OTHER}. Against it: "
        f"{SAME} or more. A map with signs also speaks for itself where "
        f"the cosine is {OPPOSITE} or less (the opposite map), and only a cosine of {-OPPOSITE} or "
        "more can speak against it."
    )
    favor = "another class gives another map"
    against = "looks the same for another class"

    other: str = setting(
        MIDDLE, Choice((MIDDLE, SECOND)), "Other class", "Which other class is asked about."
    )

    @property
    def maps(self) -> int:
        return 1

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        """check; the other map."""
        values = case.heat.values
        if not is_informative(values):
            return {"check": not_available(self.title, FLAT)}
        target_label, logits = case.asked.target.index, case.model.logits(case.asked.image[None])[0]
        order = [
            index for index in logits.argsort(descending=True).tolist() if index != target_label
        ]
        if not order:
            return {"check": not_available(self.title, "the model has one class only.")}
        other = order[0 if self.other == SECOND else (len(order) - 1) // 2]
        heat = case.of(case.about(other), stage(progress, 0, 1, "asking about another class"))
        progress(1.0, "asking about another class")
        comparison = Comparison.of(case, signed=False)
        if why := comparison.lacks(values):
            return {"check": not_available(self.title, why)}
        if comparison.lacks(heat.values):
            return {"check": not_available(self.title, f"of the other class, {FLAT}")}
        label = case.asked.model.labels[other]
        return {"check": self.judged(case, comparison, heat, label), "map": heat}

    def judged(self, case: TrustCase, comparison: Comparison, other: HeatMap, label: str) -> Table:
        """By the order of sizes; where the maps have signs, by those too."""
        rank_correlation = comparison.correlation(case.heat.values, other.values)
        cosine_value = cosine(case.heat.values, other.values)
        above = comparison.above_chance(rank_correlation)
        verdict = graded_verdict(above, good=OTHER, bad=SAME)
        words = {
            GOOD: "it is another map.",
            UNCLEAR: "it is much the same.",
            BAD: "it looks the same: it shows what is there, not what speaks for this class.",
        }.get(verdict, "")
        # sizes cannot tell a map from its opposite, so that signs have the last word
        if case.heat.signed and cosine_value <= OPPOSITE:
            verdict, words = GOOD, "it is the opposite map."
        elif case.heat.signed and verdict == BAD and cosine_value < -OPPOSITE:
            verdict, words = UNCLEAR, "its sizes are the same, but not its signs."
        words = f"Asked about “{label}” {words}"
        return verdict_table(
            self.title,
            verdict,
            words,
            order=rank_correlation,
            chance=comparison.chance,
            above_chance=above,
            cosine=cosine_value,
        )


CHEAP = (Order, Place, Shape, OtherClass)
