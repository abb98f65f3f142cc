"""LiMA as a method."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from engine.attribution.heatmaps.partition import SHAPE, SHAPE_HELP
from engine.attribution.lima.findings import sufficient_area
from engine.attribution.lima.search import Weights, naive_looks, search
from engine.attribution.lima.seeing import segment_image
from engine.attribution.lima.views import views_of
from engine.core.method import Choice, Method, Progress, Slider, quiet, setting
from engine.core.result import Result, Scores
from engine.vision.case import ImageCase

REGIONS = Slider(10, 80, 1)
REGIONS_HELP = "About how many regions the image is cut into."
COVER = Choice(("black", "mean", "blur"))
COVER_HELP = "What hidden regions become."


@dataclass(frozen=True)
class LiMA(Method[ImageCase]):
    """The regions in the order in which they make the prediction, and how few are enough.

    Each step shows one region more, on black. One curve says how probable the target is with only
    the regions so far (insertion, high early is good), the other with exactly these hidden
    (deletion, low early is good). The map falls from 1 for the first region to 0 for the last, at
    each region by how much that step changes both curves. Asked about the true class of an image
    that the model gets wrong, it finds the part that speaks for the truth, and with that what
    misleads.
    """

    name = "LiMA"
    family = "attribution"
    title = "LiMA"
    cost = "wait"
    paper = "Chen et al. 2025, https://arxiv.org/abs/2504.00470"
    needs = frozenset({"class", "one of many"})
    proof = (
        "tests/engine/attribution/lima/test_lima.py::test_an_additive_score_is_ordered_by_its_parts"
    )
    revision = 3

    shape: str = setting("superpixels", SHAPE, "Regions", SHAPE_HELP)
    regions: int = setting(50, REGIONS, "How many regions", REGIONS_HELP)
    pending: int = setting(
        11,
        Slider(1, 80, 1),
        "Pending",
        "How many of the least promising regions are looked at "
        "for the other end; as many as there are regions is the plain greedy search. The authors "
        "take 8; 11 came nearer to the plain search on photographs.",
    )
    consistency: float = setting(
        20.0,
        Slider(0.0, 40.0, 0.5),
        "Consistency λ",
        "Weight of the target's probability when only the set is shown.",
    )
    collaboration: float = setting(
        5.0,
        Slider(0.0, 20.0, 0.5),
        "Collaboration λ",
        "Weight of how much is lost without the set.",
    )
    confidence: float = setting(
        0.01, Slider(0.0, 1.0, 0.01), "Confidence λ", "Weight of how sure the model is at all."
    )
    effectiveness: float = setting(
        0.05, Slider(0.0, 1.0, 0.01), "Effectiveness λ", "Weight of how unlike the regions are."
    )
    cover: str = setting("black", COVER, "Hide with", COVER_HELP)

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Map, step of each pixel, order, curves of target and first class, areas, looks."""
        seeing = segment_image(case, self.shape, self.regions, self.cover)
        count = seeing.partition.count
        weights = Weights(self.consistency, self.collaboration, self.confidence, self.effectiveness)
        distances = seeing.distances() if self.effectiveness else torch.zeros(count, count)
        result = search(seeing, distances, weights, self.pending, progress)
        extra_passes = int(self.effectiveness > 0) * count + 2
        passes = np.array(
            [2 * result.looks + extra_passes, naive_looks(count) + extra_passes], np.float32
        )
        return views_of(seeing, result) | {
            "looks": Scores(passes, ("forward passes", "plain greedy search"), "passes")
        }

    def finding(self, case: ImageCase, result: Mapping[str, Any]) -> str:
        """How little of the image is enough."""
        return sufficient_area(case, result)[0]
