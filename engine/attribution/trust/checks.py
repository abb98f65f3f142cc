"""Six trials of a heat map on the person's own image. None proves it right; each can show it wrong.

The limits that verdicts go by are our own, tried on the shipped models; they are said beside each.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from math import nan

import numpy as np
import torch
from skimage.metrics import structural_similarity
from torch import Tensor, nn

from engine.attribution.trust.case import TrustCase
from engine.attribution.trust.verdict import (
    BAD,
    GOOD,
    UNCLEAR,
    between,
    checked,
    known,
    not_available,
)
from engine.errors import BlindspotError
from engine.measures.agreement import cosine
from engine.measures.concentration import entropy, file_bytes, gini
from engine.measures.drift import rank_correlation
from engine.measures.fidelity import DRAWS, RADIUS, max_sensitivity
from engine.measures.localization import located
from engine.measures.showing import curves, random_ranks, ranks
from engine.method import Choice, Method, Progress, Slider, quiet, setting
from engine.models.classifier import Classifier
from engine.result import Columns, Curve, Floats, Result, View

FLAT = "the map is the same everywhere, or not known somewhere."
SAME, OTHER = 0.9, 0.7  # Spearman: above the one it is the same map, below the other another one
STAYS, GONE = 0.5, 0.3  # with random weights
STEADY, SHAKY = 0.3, 1.0  # of max-sensitivity
REPEATED, ANEW = 0.8, 0.5  # from seed to seed


@dataclass(frozen=True)
class Order(Method[TrustCase]):
    """Whether the pixels that the map calls strong are those that the score hangs on.

    The strongest pixels are shown first on an empty picture (insertion), and hidden first in the
    image (deletion). A good map lifts the score early and lets it fall early: its curves should
    leave the band that random orders make. Half-hidden pictures are ones that the model may never
    have seen; try another cover before you believe it.
    """

    family = "attribution"
    name = "Order"
    title = "Do the strong pixels carry the score?"
    cost = "live"
    proof = "tests/engine/attribution/test_trust.py::test_a_map_of_the_weights_beats_random_orders"

    steps: int = setting(10, Slider(5, 50, 1), "Steps", "Steps of equal area from none to all.")
    orders: int = setting(3, Slider(1, 20, 1), "Random orders", "How many make the band.")
    cover: str = setting(
        "mean", Choice(("mean", "black", "blur")), "Hide with", "What hidden pixels become."
    )

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        """check; the map's curves; the band's ends."""
        values = case.heat.values
        if not known(values):
            return {"check": not_available(self.title, FLAT)}
        held = {"map": ranks(values)}
        for seed in range(self.orders):
            held[f"random {seed}"] = random_ranks(values.shape, seed)
        found = curves(case.asked, held, cover=self.cover, steps=self.steps, progress=progress)
        own = found.pop("map")
        inserted = [one.insertion_area for one in found.values()]
        deleted = [one.deletion_area for one in found.values()]
        unit = case.asked.target.unit
        views: dict[str, View] = {
            "check": self.judged(own.insertion_area, own.deletion_area, inserted, deleted)
        }
        for what in ("insertion", "deletion"):
            others = np.stack([getattr(one, what) for one in found.values()])
            for name, y in (
                (what, getattr(own, what)), (f"{what} low", others.min(0)),
                (f"{what} high", others.max(0)),
            ):  # fmt: skip
                views[name] = Curve(own.area, y, "share of the image", case.asked.target.words(
                    case.asked.model.labels), unit)  # fmt: skip
        return views

    def judged(
        self, inserted: float, deleted: float, inserts: list[float], deletes: list[float]
    ) -> Columns:
        """The verdict: better than every random order both ways, worse both ways, or neither."""
        better = int(inserted > max(inserts)) + int(deleted < min(deletes))
        worse = int(inserted < np.median(inserts)) + int(deleted > np.median(deletes))
        verdict = GOOD if better == 2 else BAD if worse == 2 else UNCLEAR
        words = {
            GOOD: "Its strong pixels carry the score: shown first they lift it, hidden first they "
            "lower it, sooner than any random order.",
            UNCLEAR: "Only in part better than a random order of pixels.",
            BAD: "No better than a random order of pixels: do not read it as what the score "
            "rests on.",
        }[verdict]
        return checked(
            self.title, verdict, words, insertion=inserted, deletion=deleted,
            insertion_random=float(np.mean(inserts)), deletion_random=float(np.mean(deletes)),
        )  # fmt: skip


@dataclass(frozen=True)
class Place(Method[TrustCase]):
    """Whether the map lies where the truth is known to be, and how concentrated it is.

    Only for images whose truth is known. A map that knows nothing scores the mask's share of the
    picture. A true map of a model that goes by something else scores low too.
    """

    family = "attribution"
    name = "Place"
    title = "Does it lie on the truth?"
    cost = "live"
    needs = frozenset({"mask"})
    proof = "tests/engine/attribution/test_trust.py::test_a_map_on_the_mask_is_found_there"

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        """check."""
        progress(1.0, "comparing with the truth")
        values = case.heat.values
        if not known(values):
            return {"check": not_available(self.title, FLAT)}
        if case.mask is None:
            return {"check": not_available(self.title, "no truth is known.")}
        try:
            found = located(values, case.mask)
        except BlindspotError as error:
            return {"check": not_available(self.title, str(error))}
        lift = found.rank / found.chance
        verdict = BAD if lift <= 1.2 else GOOD if lift >= 2 or found.rank >= 0.6 else UNCLEAR
        words = {
            GOOD: f"{found.rank:.0%} of its strongest pixels lie on the truth, which is "
            f"{found.chance:.0%} of the picture.",
            UNCLEAR: f"A little more on the truth than chance: {found.rank:.0%} against "
            f"{found.chance:.0%}.",
            BAD: f"No more on the truth than chance: {found.rank:.0%} against {found.chance:.0%}.",
        }[verdict]
        return {
            "check": checked(
                self.title, verdict, words, hit=found.hit, mass=found.mass, rank=found.rank,
                chance=found.chance,
            )
        }  # fmt: skip


@dataclass(frozen=True)
class Shape(Method[TrustCase]):
    """How concentrated the map is: sparseness (Gini), complexity (entropy), size as a picture.

    None of these says whether the map is right. A map of few strong places is easier to read.
    """

    family = "attribution"
    name = "Shape"
    title = "How concentrated is it?"
    cost = "live"
    proof = "tests/engine/attribution/test_trust.py::test_shape_has_no_verdict"

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        """check, without a verdict."""
        progress(1.0, "measuring")
        values = case.heat.values
        if not known(values):
            return {"check": not_available(self.title, FLAT)}
        sparse, spread = gini(values), entropy(values)
        many = float(np.exp(spread)) / values.size
        words = f"It is spread as evenly as over {many:.0%} of the pixels."
        return {
            "check": checked(
                self.title, UNCLEAR, words,
                gini=sparse, entropy=spread, png_bytes=float(file_bytes(values)),
            )
        }  # fmt: skip


@dataclass(frozen=True)
class OtherClass(Method[TrustCase]):
    """Whether the map is another one when another class is asked about.

    The same method is asked about the class the model finds second best. A map that stays the
    same shows what is there, not what speaks for the class.
    """

    family = "attribution"
    name = "OtherClass"
    title = "Is it about this class?"
    cost = "live"
    proof = "tests/engine/attribution/test_trust.py::test_a_map_that_knows_no_class_is_caught"

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        """check; the other map."""
        values = case.heat.values
        if not known(values):
            return {"check": not_available(self.title, FLAT)}
        logits = case.asked.model.logits(case.asked.image[None])[0]
        if len(logits) < 2:
            return {"check": not_available(self.title, "the model has one class only.")}
        logits[case.asked.target.index] = -torch.inf
        other = int(logits.argmax())
        heat = case.of(case.about(other))
        progress(1.0, "asking about another class")
        if not known(heat.values):
            return {"check": not_available(self.title, f"of the other class, {FLAT}")}
        order = rank_correlation(values, heat.values)
        verdict = between(order, good=OTHER, bad=SAME)
        label = case.asked.model.labels[other]
        words = {
            GOOD: f"Asked about “{label}” it is another map.",
            UNCLEAR: f"Asked about “{label}” it is much the same.",
            BAD: f"Asked about “{label}” it looks the same: it shows what is there, not what "
            "speaks for this class.",
        }.get(verdict, "")
        return {
            "check": checked(
                self.title, verdict, words, order=order, cosine=cosine(values, heat.values)
            ),
            "map": heat,
        }


@dataclass(frozen=True)
class RandomWeights(Method[TrustCase]):
    """Whether the map changes when the model's weights are made random, from the last layer on.

    A map of what the model has learnt must be gone when nothing is left of that. The curve shows
    how alike the map stays (Spearman of sizes, and structural similarity) as more and more layers
    are shuffled. Weights are shuffled within each layer, so that they keep their sizes.
    """

    family = "attribution"
    name = "RandomWeights"
    title = "Does it need what was learnt?"
    cost = "wait"
    paper = "Adebayo et al. 2018, Sanity Checks for Saliency Maps, https://arxiv.org/abs/1810.03292"
    proof = "tests/engine/attribution/test_trust.py::test_a_map_that_needs_no_weights_is_caught"

    stages: int = setting(
        4,
        Slider(1, 20, 1),
        "Stages",
        "In how many steps all are shuffled; each costs a map.",
    )

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        """check; similarity over the share of layers; the last map."""
        values = case.heat.values
        if not known(values):
            return {"check": not_available(self.title, FLAT)}
        orders, likeness, shares = [1.0], [1.0], [0.0]
        heat = case.heat
        for number, (share, model) in enumerate(
            randomized(case.asked.model, self.stages, case.asked.seed)
        ):
            heat = case.of(replace(case.asked, model=model))
            orders.append(rank_correlation(values, heat.values))
            likeness.append(similarity(values, heat.values))
            shares.append(share)
            progress((number + 1) / self.stages, "shuffling weights")
        last = orders[-1]
        verdict = GOOD if np.isnan(last) else between(last, good=GONE, bad=STAYS)
        words = {
            GOOD: "With random weights it is gone, as it should be.",
            UNCLEAR: "With random weights something of it is left.",
            BAD: "Looks the same with random weights: do not trust it as a map of what the model "
            "has learnt.",
        }[verdict]
        x = np.array(shares, np.float32)
        return {
            "check": checked(self.title, verdict, words, order=last, ssim=likeness[-1]),
            "order": Curve(
                x, np.array(orders, np.float32), "layers shuffled", "Spearman", "correlation"
            ),
            "ssim": Curve(x, np.array(likeness, np.float32), "layers shuffled", "SSIM", "SSIM"),
            "map": heat,
        }


def randomized(model: Classifier, stages: int, seed: int) -> Iterator[tuple[float, Classifier]]:
    """Copies of a model with more and more layers shuffled, from the last one on.

    Gives the share of layers that are shuffled, and the model. Normalization keeps what it knows.
    """
    layers = [
        name
        for name, part in model.network.named_modules()
        if isinstance(part, nn.Conv2d | nn.Linear)
    ]
    generator = torch.Generator().manual_seed(seed)
    drawn = {name: torch.randint(2**62, (), generator=generator).item() for name in layers}
    for parts in np.array_split(np.arange(len(layers)), min(stages, len(layers))):
        reached = int(parts[-1]) + 1
        copy = deepcopy(model)
        for name in layers[len(layers) - reached :]:
            shuffle(copy.network.get_submodule(name), int(drawn[name]))
        yield reached / len(layers), copy


@torch.no_grad()
def shuffle(layer: nn.Module, seed: int) -> None:
    """Every weight of a layer in another place, in the same tensor."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in layer.parameters():
        flat: Tensor = parameter.data.reshape(-1)
        order = torch.randperm(len(flat), generator=generator)
        parameter.data = flat[order.to(flat.device)].reshape(parameter.shape)


def similarity(one: Floats, other: Floats) -> float:
    """SSIM of the sizes of two maps, each from 0 to 1; NaN when one is flat or too small."""
    if min(one.shape) < 7 or not (known(one) and known(other)):
        return nan
    a, b = (np.abs(values) / np.abs(values).max() for values in (one, other))
    return float(structural_similarity(a, b, data_range=1.0))


@dataclass(frozen=True)
class Repeats(Method[TrustCase]):
    """Whether the map comes out alike with other random numbers.

    Methods without random numbers give the same map always; of the others, the mean likeness of
    each pair of repeats (Spearman of sizes) says how much is chance. More samples make it steadier.
    """

    family = "attribution"
    name = "Repeats"
    title = "Does it come out alike again?"
    cost = "wait"
    proof = "tests/engine/attribution/test_trust.py::test_a_map_of_chance_is_not_repeatable"

    repeats: int = setting(3, Slider(2, 10, 1), "Repeats", "With how many other seeds it is made.")

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        """check."""
        if not known(case.heat.values):
            return {"check": not_available(self.title, FLAT)}
        maps = [case.heat.values]
        for number in range(self.repeats):
            maps.append(case.of(replace(case.asked, seed=case.asked.seed + number + 1)).values)
            progress((number + 1) / self.repeats, "making it again")
        if all(np.array_equal(maps[0], other) for other in maps[1:]):
            words = "It has no random numbers: it always comes out the same."
            return {"check": checked(self.title, GOOD, words, order=1.0)}
        pairs = [rank_correlation(maps[i], maps[j]) for i in range(len(maps)) for j in range(i)]
        mean = float(np.mean(pairs))
        verdict = between(mean, good=REPEATED, bad=ANEW)
        words = {
            GOOD: "With other random numbers it comes out much the same.",
            UNCLEAR: "With other random numbers parts of it change: take more samples.",
            BAD: "With other random numbers it is another map: take many more samples, or do not "
            "read its details.",
        }.get(verdict, "One of the repeats is flat.")
        return {"check": checked(self.title, verdict, words, order=mean)}


@dataclass(frozen=True)
class Nudged(Method[TrustCase]):
    """Whether the map holds still when the image changes by what no eye sees.

    Max-sensitivity: the largest change of the map, as a share of its size, over small random
    changes of the image. A map that jumps describes noise.
    """

    family = "attribution"
    name = "Nudged"
    title = "Does it hold still?"
    cost = "wait"
    paper = "Yeh et al. 2019, https://arxiv.org/abs/1901.09392"
    proof = "tests/engine/attribution/test_trust.py::test_a_map_that_jumps_is_caught"

    radius: float = setting(
        RADIUS, Slider(0.001, 0.1, 0.001, log=True), "Radius", "The most a pixel changes."
    )
    draws: int = setting(
        DRAWS, Slider(2, 50, 1), "Changes", "How many are tried; each costs a map."
    )

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        """check."""
        if not known(case.heat.values):
            return {"check": not_available(self.title, FLAT)}
        found = max_sensitivity(
            case.method, case.asked, radius=self.radius, draws=self.draws, progress=progress
        )
        progress(1.0, "changing the image a little")
        verdict = between(found, good=STEADY, bad=SHAKY)
        words = {
            GOOD: "Small changes of the image leave it nearly as it is.",
            UNCLEAR: "Small changes of the image change it noticeably.",
            BAD: "Changes that no eye sees make another map of it.",
        }.get(verdict, "")
        return {"check": checked(self.title, verdict, words, max_sensitivity=found)}


CHEAP = (Order, Place, Shape, OtherClass)
DEAR = (RandomWeights, Repeats, Nudged)
