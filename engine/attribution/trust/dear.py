"""Trials of a heat map that make it again and again: weights shuffled, other seeds, image nudged.

The limits that verdicts go by are our own, tried on the shipped models.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isnan, nan

import numpy as np
import torch
from skimage.metrics import structural_similarity
from torch import Tensor, nn

from engine.attribution.trust.case import Check, TrustCase, stage
from engine.attribution.trust.verdict import (
    BAD,
    FLAT,
    GOOD,
    UNCLEAR,
    between,
    checked,
    known,
    not_available,
)
from engine.measures.drift import rank_correlation
from engine.measures.fidelity import DRAWS, RADIUS, max_sensitivity
from engine.method import Progress, Slider, quiet, setting
from engine.models.classifier import Classifier
from engine.result import Curve, Floats, Result

STAYS, GONE = 0.5, 0.3  # with random weights
STEADY, SHAKY = 0.3, 1.0  # of max-sensitivity
NO_LAYERS = "the model has no convolution or linear layer whose weights could be shuffled."
DEAD = "with random weights the method gives a flat map, which cannot be compared."
LOST = "after a change that no eye sees the map is not known somewhere."
REPEATED, ANEW = 0.8, 0.5  # from seed to seed


@dataclass(frozen=True)
class RandomWeights(Check):
    """Whether the map changes when the model's weights are made random, from the last layer on.

    A map of what the model has learnt must be gone when nothing is left of that. The curve shows
    how alike the map stays (Spearman of sizes, and structural similarity) as more and more layers
    are shuffled. Weights are shuffled within each layer, so that they keep their sizes.
    """

    name = "RandomWeights"
    title = "Does it need what was learnt?"
    cost = "wait"
    paper = "Adebayo et al. 2018, Sanity Checks for Saliency Maps, https://arxiv.org/abs/1810.03292"
    proof = "tests/engine/attribution/test_trust.py::test_a_map_that_needs_no_weights_is_caught"
    limits = (
        "By the order of the map's sizes (Spearman's correlation) once all layers are shuffled. "
        f"For it: at most {GONE}. Against it: {STAYS} or more."
    )
    favor = "gone with random weights"
    against = "looks the same with random weights"

    stages: int = setting(
        4,
        Slider(1, 20, 1),
        "Stages",
        "In how many steps all are shuffled; each costs a map.",
    )

    @property
    def maps(self) -> int:
        """One for each stage."""
        return self.stages

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        """check; similarity over the share of layers; the last map."""
        values = case.heat.values
        if not known(values):
            return {"check": not_available(self.title, FLAT)}
        count = min(self.stages, len(layers(case.model)))
        if not count:
            return {"check": not_available(self.title, NO_LAYERS)}
        orders, likeness, shares = [1.0], [1.0], [0.0]
        heat = case.heat
        for number, (share, model) in enumerate(randomized(case.model, count, case.asked.seed)):
            told = stage(progress, number, count, "shuffling weights")
            heat = case.of(replace(case.asked, model=model), told)
            told(1.0)
            orders.append(rank_correlation(values, heat.values))
            likeness.append(similarity(values, heat.values))
            shares.append(share)
        last = orders[-1]
        if not known(heat.values):
            return {"check": not_available(self.title, DEAD), "map": heat}
        verdict = between(last, good=GONE, bad=STAYS)
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


def layers(model: Classifier) -> list[str]:
    """The layers whose weights are shuffled, from the first to the last."""
    return [
        name
        for name, part in model.network.named_modules()
        if isinstance(part, nn.Conv2d | nn.Linear)
    ]


def randomized(model: Classifier, stages: int, seed: int) -> Iterator[tuple[float, Classifier]]:
    """Copies of a model with more and more layers shuffled, from the last one on.

    Gives the share of layers that are shuffled, and the model. Normalization keeps what it knows.
    """
    names = layers(model)
    generator = torch.Generator().manual_seed(seed)
    drawn = {name: torch.randint(2**62, (), generator=generator).item() for name in names}
    for parts in np.array_split(np.arange(len(names)), min(stages, len(names))):
        reached = int(parts[-1]) + 1
        copy = model.twin()
        for name in names[len(names) - reached :]:
            shuffle(copy.network.get_submodule(name), int(drawn[name]))
        yield reached / len(names), copy


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
class Repeats(Check):
    """Whether the map comes out alike with other random numbers.

    Methods without random numbers give the same map always; of the others, the mean likeness of
    each pair of repeats (Spearman of sizes) says how much is chance. More samples make it steadier.
    """

    name = "Repeats"
    title = "Does it come out alike again?"
    cost = "wait"
    proof = "tests/engine/attribution/test_trust.py::test_a_map_of_chance_is_not_repeatable"
    limits = (
        "By the order of the maps' sizes (Spearman's correlation), the mean over all pairs. "
        f"For it: {REPEATED} or more. Against it: at most {ANEW}."
    )
    favor = "comes out alike again"
    against = "another map with other random numbers"

    repeats: int = setting(3, Slider(2, 10, 1), "Repeats", "With how many other seeds it is made.")

    @property
    def maps(self) -> int:
        """One for each repeat; a method without random numbers makes one only."""
        return self.repeats

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        """check."""
        if not known(case.heat.values):
            return {"check": not_available(self.title, FLAT)}
        maps = [case.heat.values]
        for number in range(self.repeats):
            told = stage(progress, number, self.repeats, "making it again")
            maps.append(
                case.of(replace(case.asked, seed=case.asked.seed + number + 1), told).values
            )
            told(1.0)
            if np.array_equal(maps[0], maps[1]):
                break
        if len(maps) == 2:
            progress(1.0, "making it again")
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
class Nudged(Check):
    """Whether the map holds still when the image changes by what no eye sees.

    Max-sensitivity: the largest change of the map, as a share of its size, over small random
    changes of the image. A map that jumps describes noise.
    """

    name = "Nudged"
    title = "Does it hold still?"
    cost = "wait"
    paper = "Yeh et al. 2019, https://arxiv.org/abs/1901.09392"
    proof = "tests/engine/attribution/test_trust.py::test_a_map_that_jumps_is_caught"
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
        """One for each change."""
        return self.draws

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        """check."""
        values = case.heat.values
        if not known(values):
            return {"check": not_available(self.title, FLAT)}
        found = max_sensitivity(
            case.method, case.asked, radius=self.radius, draws=self.draws, plain=values,
            progress=progress,
        )  # fmt: skip
        progress(1.0, "changing the image a little")
        if isnan(found):
            return {"check": not_available(self.title, LOST)}
        verdict = between(found, good=STEADY, bad=SHAKY)
        words = {
            GOOD: "Small changes of the image leave it nearly as it is.",
            UNCLEAR: "Small changes of the image change it noticeably.",
            BAD: "Changes that no eye sees make another map of it.",
        }[verdict]
        return {"check": checked(self.title, verdict, words, max_sensitivity=found)}


DEAR = (RandomWeights, Repeats, Nudged)
