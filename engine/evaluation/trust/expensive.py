"""Trials of a heat map that make it again: with other seeds, and of an image that is nudged.

The limits that verdicts go by are our own, tried on the shipped models.
"""

from dataclasses import dataclass, replace
from math import isnan

import numpy as np

from engine.core.method import Progress, Slider, quiet, setting
from engine.core.result import Result
from engine.evaluation.measures.drift import rank_correlation
from engine.evaluation.measures.fidelity import DRAWS, RADIUS, max_sensitivity
from engine.evaluation.trust.case import Check, TrustCase, stage
from engine.evaluation.trust.random_weights import RandomWeights
from engine.evaluation.trust.verdict import (
    BAD,
    FLAT,
    GOOD,
    UNCLEAR,
    graded_verdict,
    is_informative,
    not_available,
    verdict_table,
)

STEADY, SHAKY = 0.3, 1.0  # of max-sensitivity
LOST = "after a change that no eye sees the map is not known somewhere."
REPEATED, UNSTABLE = 0.8, 0.5  # from seed to seed


@dataclass(frozen=True)
class Repeats(Check):
    """Whether the map comes out alike with other random numbers.

    Methods without random numbers give the same map always; of the others, the mean likeness of
    each pair of repeats (Spearman of sizes) says how much is chance. More samples make it steadier.
    """

    name = "Repeats"
    title = "Does it come out alike again?"
    cost = "wait"
    proof = "tests/engine/evaluation/trust/test_cheap.py::test_a_map_of_chance_is_not_repeatable"
    limits = (
        "By the order of the maps' sizes (Spearman's correlation), the mean over all pairs. "
        f"For it: {REPEATED} or more. Against it: at most {UNSTABLE}."
    )
    favor = "comes out alike again"
    against = "another map with other random numbers"

    repeats: int = setting(3, Slider(2, 10, 1), "Repeats", "With how many other seeds it is made.")

    @property
    def maps(self) -> int:
        """One for each repeat; a method without random numbers makes one only."""
        return self.repeats

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        if not is_informative(case.heat.values):
            return {"check": not_available(self.title, FLAT)}
        maps = [case.heat.values]
        for number in range(self.repeats):
            report = stage(progress, number, self.repeats, "making it again")
            maps.append(
                case.of(replace(case.asked, seed=case.asked.seed + number + 1), report).values
            )
            report(1.0)
            if np.array_equal(maps[0], maps[1]):
                break
        if len(maps) == 2:
            progress(1.0, "making it again")
            words = "It has no random numbers: it always comes out the same."
            return {"check": verdict_table(self.title, GOOD, words, order=1.0)}
        pairs = [rank_correlation(maps[i], maps[j]) for i in range(len(maps)) for j in range(i)]
        mean = float(np.mean(pairs))
        verdict = graded_verdict(mean, good=REPEATED, bad=UNSTABLE)
        words = {
            GOOD: "With other random numbers it comes out much the same.",
            UNCLEAR: "With other random numbers parts of it change: take more samples.",
            BAD: "With other random numbers it is another map: take many more samples, or do not "
            "read its details.",
        }.get(verdict, "One of the repeats is flat.")
        return {"check": verdict_table(self.title, verdict, words, order=mean)}


@dataclass(frozen=True)
class MaxSensitivity(Check):
    """Whether the map holds still when the image changes by what no eye sees.

    Max-sensitivity: the largest change of the map, as a share of its size, over small random
    changes of the image. A map that jumps describes noise.
    """

    name = "MaxSensitivity"
    title = "Does it hold still?"
    cost = "wait"
    paper = "Yeh et al. 2019, https://arxiv.org/abs/1901.09392"
    proof = "tests/engine/evaluation/trust/test_cheap.py::test_a_map_that_jumps_is_caught"
    revision = 2
    limits = (
        "By the largest change of the map as a share of its size. For it: at most "
        f"{STEADY}. Against it: {SHAKY:.0f} or more."
    )
    favor = "holds still when the image hardly changes"
    against = "another map after changes that no eye sees"

    radius: float = setting(
        RADIUS, Slider(0.001, 0.1, 0.001, log=True), "Radius", "The most a pixel changes."
    )
    draws: int = setting(
        DRAWS, Slider(2, 50, 1), "Changes", "How many are tried; each costs a map."
    )

    @property
    def maps(self) -> int:
        return self.draws

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        values = case.heat.values
        if not is_informative(values):
            return {"check": not_available(self.title, FLAT)}
        result = max_sensitivity(
            case.method,
            case.asked,
            radius=self.radius,
            draws=self.draws,
            plain=values,
            progress=progress,
        )
        progress(1.0, "changing the image a little")
        if isnan(result):
            return {"check": not_available(self.title, LOST)}
        verdict = graded_verdict(result, good=STEADY, bad=SHAKY)
        words = {
            GOOD: "Small changes of the image leave it nearly as it is.",
            UNCLEAR: "Small changes of the image change it noticeably.",
            BAD: "Changes that no eye sees make another map of it.",
        }[verdict]
        return {"check": verdict_table(self.title, verdict, words, max_sensitivity=result)}


EXPENSIVE = (RandomWeights, Repeats, MaxSensitivity)
