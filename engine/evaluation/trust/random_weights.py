"""A trial of a heat map with the model's weights shuffled.

The limits that verdicts go by are our own, tried on the shipped models.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import nan

import numpy as np
import torch
from torch import Tensor, nn

from engine.core.method import Progress, Slider, quiet, setting
from engine.core.result import Curve, Floats, Result, Table
from engine.evaluation.trust.alike import Comparison
from engine.evaluation.trust.case import Check, TrustCase, stage
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
from engine.vision.models.classifier import Classifier

STAYS, GONE = 0.5, 0.3
NO_LAYERS = "the model has no convolution or linear layer whose weights could be shuffled."
DEAD = "with random weights the method gives a flat map, which cannot be compared."


@dataclass(frozen=True)
class RandomWeights(Check):
    """Whether the map changes when the model's weights are made random, from the last layer on.

    A map of what the model has learned must be gone when nothing is left of that. The curve shows
    how alike the map stays (Spearman's correlation, and structural similarity of the sizes) as more
    and more layers are shuffled. Weights are shuffled within each layer, so that they keep their
    sizes. A method with a baseline multiplies by how far each pixel is from it, which no weight
    changes: its maps are compared only where the image differs from the baseline, beside what
    multiplying noise by that distance gives.
    """

    name = "RandomWeights"
    title = "Does it need what was learned?"
    cost = "wait"
    paper = "Adebayo et al. 2018, Sanity Checks for Saliency Maps, https://arxiv.org/abs/1810.03292"
    proof = (
        "tests/engine/evaluation/trust/test_random_weights.py"
        "::test_a_map_that_needs_no_weights_is_caught"
    )
    revision = 2
    limits = (
        "By Spearman's correlation once all layers are shuffled, of signed values where the map "
        "has signs and of sizes where it has none, as a share of the way from chance (0) to the "
        f"same or the opposite map (1). For it: at most {GONE}. Against it: {STAYS} or more."
    )
    favor = "gone with random weights"
    against = "looks the same with random weights"

    stages: int = setting(
        4, Slider(1, 20, 1), "Stages", "In how many steps all are shuffled; each costs a map."
    )

    @property
    def maps(self) -> int:
        return self.stages

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        """check; similarity over the share of layers; the last map."""
        values = case.heat.values
        if not is_informative(values):
            return {"check": not_available(self.title, FLAT)}
        count = min(self.stages, len(layers(case.model)))
        if not count:
            return {"check": not_available(self.title, NO_LAYERS)}
        compared = Comparison.of(case, signed=case.heat.signed)
        if why := compared.lacks(values):
            return {"check": not_available(self.title, why)}
        orders, likeness, shares = [1.0], [1.0], [0.0]
        heat = case.heat
        for number, (share, model) in enumerate(randomized(case.model, count, case.asked.seed)):
            report = stage(progress, number, count, "shuffling weights")
            heat = case.of(replace(case.asked, model=model), report)
            report(1.0)
            orders.append(compared.correlation(values, heat.values))
            likeness.append(similarity(values, heat.values))
            shares.append(share)
        if compared.lacks(heat.values):
            return {"check": not_available(self.title, DEAD), "map": heat}
        x = np.array(shares, np.float32)
        return {
            "check": self.judged(compared, orders[-1], likeness[-1]),
            "order": Curve(
                x, np.array(orders, np.float32), "layers shuffled", "Spearman", "correlation"
            ),
            "ssim": Curve(x, np.array(likeness, np.float32), "layers shuffled", "SSIM", "SSIM"),
            "map": heat,
        }

    def judged(self, compared: Comparison, order: float, ssim: float) -> Table:
        """By how far above chance the last correlation is."""
        above = compared.above_chance(order)
        verdict = graded_verdict(above, good=GONE, bad=STAYS)
        words = {
            GOOD: "With random weights it is gone, as it should be.",
            UNCLEAR: "With random weights something of it is left.",
            BAD: "Looks the same with random weights: do not trust it as a map of what the model "
            "has learned.",
        }[verdict]
        if verdict == BAD and order < 0:
            words = "With random weights it is the opposite map: only its sign needs the weights."
        return verdict_table(
            self.title,
            verdict,
            words,
            order=order,
            chance=compared.chance,
            above_chance=above,
            ssim=ssim,
        )


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
    # one seed a layer: a later stage keeps what the stages before it shuffled
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


def similarity(first: Floats, other: Floats) -> float:
    """SSIM of the sizes of two maps, each from 0 to 1; NaN when one is flat or too small."""
    from skimage.metrics import structural_similarity

    if min(first.shape) < 7 or not (is_informative(first) and is_informative(other)):
        return nan
    a, b = (np.abs(values) / np.abs(values).max() for values in (first, other))
    return float(structural_similarity(a, b, data_range=1.0))
