"""LiMA: the regions of an image in the order in which they make the prediction, from both ends.

    F(S) = λ_con p(x_S) + λ_col (1 − p(x without S)) + λ_conf (1 − H(x_S) / ln K) + λ_eff s_eff(S)
    s_eff(S) = Σ_{i in S} min_{j in S, j ≠ i} arccos(cos(φ_i, φ_j)) / π,   0 for one region

The greedy search grows the important set S⁺ by the region with the highest F. From the p regions
that look least promising, by the same numbers, it also takes the one with the lowest F into the
unimportant set S⁻: so two regions find their place for n + p pairs of looks. With p ≥ m it is the
plain greedy search. φ_i is what the model's head sees when only region i is shown.

Chen et al. 2025, Less is More: Efficient Black-box Attribution via Minimal Interpretable Subset
Selection, https://arxiv.org/abs/2504.00470, equations 4 to 9 and algorithm 1; weights as in the
authors' scripts. Regions here are superpixels by SLIC (there SEEDS or SAM); curves are drawn over
the regions' area, where the authors count pixels that are not black.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import log, pi

import numpy as np
import torch
from torch import Tensor

from engine.attribution.partition import SHAPE, SHAPE_HELP, Partition
from engine.case import ImageCase
from engine.errors import BadModel
from engine.method import Choice, Method, Progress, Slider, quiet, setting
from engine.result import Columns, Curve, HeatMap, Result, Scores
from engine.scoring import render_logits

TINY = 1e-7


@dataclass(frozen=True)
class Parts:
    """The terms of F for some sets, (n,) each.

    Args:
        consistency: p of the target with only the set shown.
        collaboration: 1 − p of the target with the set hidden.
        confidence: 1 − entropy with only the set shown, as a share of the highest.
    """

    consistency: Tensor
    collaboration: Tensor
    confidence: Tensor

    def take(self, rows: Tensor) -> Parts:
        """Some of the sets."""
        return Parts(self.consistency[rows], self.collaboration[rows], self.confidence[rows])


Look = Callable[[Tensor], Parts]  # sets (n, m) bool to their terms


@dataclass(frozen=True)
class Weights:
    """λ of the four terms."""

    consistency: float
    collaboration: float
    confidence: float
    effectiveness: float

    def of(self, parts: Parts, effectiveness: Tensor) -> Tensor:
        """F, (n,)."""
        return (
            self.consistency * parts.consistency
            + self.collaboration * parts.collaboration
            + self.confidence * parts.confidence
            + self.effectiveness * effectiveness
        )


@dataclass
class Search:
    """The order that was found, and what was seen on the way.

    Args:
        first: S⁺, the most important first.
        last: S⁻, the least important first.
        shown: p with the first k regions shown, one for each that was looked at.
        hidden: p with the first k hidden.
        back_shown, back_hidden: the same of S⁻.
        looks: pairs of looks (a set shown, a set hidden).
    """

    first: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)
    hidden: list[float] = field(default_factory=list)
    back_shown: list[float] = field(default_factory=list)
    back_hidden: list[float] = field(default_factory=list)
    looks: int = 0

    @property
    def order(self) -> list[int]:
        """All regions, the most important first."""
        return [*self.first, *reversed(self.last)]


def search(
    look: Look, distances: Tensor, weights: Weights, pending: int, progress: Progress = quiet
) -> Search:
    """Order m regions from both ends.

    Args:
        look: the terms of sets.
        distances: δ between regions, (m, m).
        weights: λ.
        pending: p, how many of the least promising are looked at for the other end.
        progress: told after each round.
    """
    count = len(distances)
    found, left = Search(), list(range(count))
    while left:
        if len(left) == 1:
            found.first.append(left.pop())
            progress(1.0, "ordering regions")
            break
        parts = look(grown(found.first, left, count))
        found.looks += len(left)
        best = int(weights.of(parts, effectiveness(found.first, left, distances)).argmax())
        found.first.append(left[best])
        found.shown.append(float(parts.consistency[best]))
        found.hidden.append(1 - float(parts.collaboration[best]))
        if len(left) > pending:
            poor = weights.of(parts, effectiveness(found.last, left, distances))
            picked = poor.argsort(stable=True)[:pending].tolist()
            waiting = [left[place] for place in picked if place != best]
            left.pop(best)
            if waiting:
                worst = backwards(look, found, waiting, distances, weights, count)
                left.remove(worst)
        else:
            left.pop(best)
        progress(1 - len(left) / len(distances), "ordering regions")
    return found


def backwards(
    look: Look, found: Search, waiting: list[int], distances: Tensor, weights: Weights, count: int
) -> int:
    """The waiting region that joins S⁻: with the lowest F of S⁻ and it."""
    parts = look(grown(found.last, waiting, count))
    found.looks += len(waiting)
    least = int(weights.of(parts, effectiveness(found.last, waiting, distances)).argmin())
    found.last.append(waiting[least])
    found.back_shown.append(float(parts.consistency[least]))
    found.back_hidden.append(1 - float(parts.collaboration[least]))
    return waiting[least]


def grown(held: Sequence[int], candidates: Sequence[int], count: int) -> Tensor:
    """The held set with each candidate in turn, (n, m) bool."""
    sets = torch.zeros(len(candidates), count, dtype=torch.bool)
    sets[:, list(held)] = True
    sets[torch.arange(len(candidates)), torch.tensor(list(candidates))] = True
    return sets


def effectiveness(held: Sequence[int], candidates: Sequence[int], distances: Tensor) -> Tensor:
    """s_eff of the held set with each candidate, (n,)."""
    if not held:
        return torch.zeros(len(candidates))
    inside = list(held)
    own = distances[inside][:, inside].clone()
    own.fill_diagonal_(float("inf"))
    nearest = own.amin(1) if len(inside) > 1 else torch.full((1,), float("inf"))
    to_new = distances[inside][:, list(candidates)]  # (held, n)
    return torch.minimum(nearest[:, None], to_new).sum(0) + to_new.amin(0)


@dataclass(frozen=True)
class LiMA(Method[ImageCase]):
    """The regions in the order in which they make the prediction, and how few are enough.

    Each step shows one region more, on black. The left curve says how probable the target is with
    only the regions so far (insertion, high early is good), the other with exactly these hidden
    (deletion). The map gives each region the change that its step brought. Asked about the true
    class of an image that the model gets wrong, it finds the part that speaks for the truth, and
    with that what misleads.
    """

    name = "LiMA"
    family = "attribution"
    title = "LiMA"
    cost = "wait"
    paper = "Chen et al. 2025, https://arxiv.org/abs/2504.00470"
    proof = "tests/engine/attribution/test_lima.py::test_an_additive_score_is_ordered_by_its_parts"

    shape: str = setting("superpixels", SHAPE, "Regions", SHAPE_HELP)
    regions: int = setting(
        50, Slider(10, 80, 1), "How many regions", "About how many regions the image is cut into."
    )
    pending: int = setting(
        8, Slider(1, 80, 1), "Pending", "How many of the least promising regions are looked at for "
        "the other end; as many as there are regions is the plain greedy search.",
    )  # fmt: skip
    consistency: float = setting(
        20.0, Slider(0.0, 40.0, 0.5), "Consistency λ", "Weight of the target's probability when "
        "only the set is shown.",
    )  # fmt: skip
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
    cover: str = setting(
        "black", Choice(("black", "mean", "blur")), "Hide with", "What hidden regions become."
    )

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map; order; insertion and deletion over area; areas under them; looks."""
        partition = Partition.of(case, self.shape, self.regions)
        seeing = Seeing(case, partition, self.cover)
        weights = Weights(self.consistency, self.collaboration, self.confidence, self.effectiveness)
        distances = (
            seeing.distances()
            if self.effectiveness
            else torch.zeros(partition.count, partition.count)
        )
        found = search(seeing, distances, weights, self.pending, progress)
        ends = seeing.ends()
        own = int(self.effectiveness > 0) * partition.count
        return told(case, partition, found, ends) | {
            "looks": Scores(
                np.array(
                    [2 * found.looks + own + 2, naive_looks(partition.count) + own + 2], np.float32
                ),
                ("forward passes", "plain greedy search"),
                "passes",
            )
        }


class Seeing:
    """Looks at an image with some regions shown."""

    def __init__(self, case: ImageCase, partition: Partition, cover: str) -> None:
        self.case, self.partition, self.cover = case, partition, cover

    def probabilities(self, shown: Tensor) -> Tensor:
        """Of all classes, with only those regions shown, (n, K)."""
        draw = self.partition.drawing(self.case, shown, self.cover)
        return render_logits(self.case, len(shown), draw, quiet).softmax(-1)

    def __call__(self, sets: Tensor) -> Parts:
        """The terms of some sets: each is shown alone, and hidden alone."""
        found = self.probabilities(torch.cat([sets, ~sets]))
        shown, hidden = found.chunk(2)
        target = self.case.target.index
        uncertain = -(shown * (shown + TINY).log()).sum(-1)
        classes = log(max(shown.shape[-1], 2))
        return Parts(shown[:, target], 1 - hidden[:, target], 1 - uncertain / classes)

    def ends(self) -> tuple[float, float]:
        """p of the target with nothing shown, and with everything."""
        both = torch.tensor([[False], [True]]).expand(2, self.partition.count)
        nothing, everything = self.probabilities(both)[:, self.case.target.index].tolist()
        return nothing, everything

    def distances(self) -> Tensor:
        """δ between what the head sees of single regions, (m, m), from 0 to 1."""
        alone = torch.eye(self.partition.count, dtype=torch.bool)
        draw = self.partition.drawing(self.case, alone, self.cover)
        pace = self.case.model.pace(self.case.precision)
        pixels = torch.empty(self.partition.count, *self.case.image.shape, dtype=pace.dtype)
        pixels = pixels.contiguous(memory_format=pace.memory_format)
        for region in range(self.partition.count):
            draw(region, pixels[region])
        seen = torch.cat([self.encoded(part.float()) for part in pixels.split(pace.batch)])
        unit = torch.nn.functional.normalize(seen.flatten(1).double(), dim=1)
        return ((unit @ unit.T).clamp(-1, 1).arccos() / pi).float()

    def encoded(self, pixels: Tensor) -> Tensor:
        """What the head sees of images; their logits where the model has no linear head."""
        try:
            return self.case.model.features(pixels).cpu()
        except BadModel:
            return self.case.model.logits(pixels)


def naive_looks(count: int) -> int:
    """Forward passes of the plain greedy search, its last, free step left out."""
    return count * (count + 1) - 2


def told(
    case: ImageCase, partition: Partition, found: Search, ends: tuple[float, float]
) -> dict[str, HeatMap | Curve | Columns | Scores]:
    """The order as a map, curves and areas."""
    sizes = np.bincount(partition.labels.flatten().numpy(), minlength=partition.count)
    order = np.array(found.order)
    area = np.concatenate([[0], np.cumsum(sizes[order]) / sizes.sum()]).astype(np.float32)
    shown, hidden = along(found, ends)
    label = case.target.words(case.model.labels)
    changes = np.abs(np.diff(shown)) + np.abs(np.diff(hidden))
    value = np.empty(partition.count, np.float32)
    value[order] = 1 - np.concatenate([[0], np.cumsum(changes)[:-1]]) / max(changes.sum(), TINY)
    rank = np.empty(partition.count, np.int64)
    rank[order] = np.arange(partition.count)
    areas = [float(np.trapezoid(curve, area)) for curve in (shown, hidden)]
    return {
        "map": HeatMap(
            partition.values(torch.from_numpy(value)).numpy(),
            "share of the change left",
            signed=False,
        ),
        "rank": HeatMap(
            partition.values(torch.from_numpy(rank).float()).numpy(), "step", signed=False
        ),
        "insertion": Curve(area, shown, "share of the image", label, "probability"),
        "deletion": Curve(area, hidden, "share of the image", label, "probability"),
        "areas": Scores(np.array(areas, np.float32), ("insertion", "deletion"), "probability"),
        "order": Columns.of({"region": (order, ""), "pixels": (sizes[order], "px")}),
    }


def along(found: Search, ends: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """p with the first k regions shown, and hidden, k = 0 … m, (m + 1,) each.

    Where the order was filled from the back, the first k shown are all but S⁻'s: there p without
    S⁻ is what was seen, and the other way round.
    """
    nothing, everything = ends
    shown = [nothing, *found.shown, *reversed(found.back_hidden)]
    hidden = [everything, *found.hidden, *reversed(found.back_shown)]
    count = len(found.order)
    shown, hidden = shown[:count], hidden[:count]
    return (
        np.array([*shown, everything], np.float32),
        np.array([*hidden, nothing], np.float32),
    )
