"""Taylor: how much the loss would change without a weight, squared, over several batches.

s = Σ over batches of (θ ⊙ ∂ℓ/∂θ)²; a filter's score is the sum over its weights.
Molchanov et al., "Importance Estimation for Neural Network Pruning" (2019),
https://arxiv.org/abs/1906.10771
"""

from dataclasses import dataclass

import torch

from engine.core.method import Progress, Slider, quiet, setting
from engine.core.result import Result, WeightScores
from engine.sparsity.criteria.slopes import slopes, weight_of
from engine.sparsity.criteria.snip import PER_CLASS_HELP
from engine.sparsity.method import SparsityMethod
from engine.vision.weights.case import PruneCase
from engine.vision.weights.parts import prunable_parts


@dataclass(frozen=True)
class Taylor(SparsityMethod):
    """How much the loss would change without a weight, squared, over several batches of images.

    One unit is a squared change of the loss, in nats². Squares let no batch cancel another: a
    weight that helps some images and harms others counts. A filter's score is the sum of its
    weights', which makes it the cheap default for cutting whole channels.
    """

    name = "Taylor"
    title = "Taylor"
    cost = "wait"
    paper = "Molchanov et al. 2019, https://arxiv.org/abs/1906.10771"
    needs = frozenset({"gradient"})
    proof = (
        "tests/engine/sparsity/test_scores.py"
        "::test_taylor_adds_the_squared_sensitivity_of_each_batch"
    )

    each: int = setting(10, Slider(1, 50, 1), "Images of a class", PER_CLASS_HELP)
    batches: int = setting(4, Slider(1, 10, 1), "Batches", "Parts that are squared apart.")

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: scores, squared changes of the loss."""
        names = [part.name for part in prunable_parts(case.model)]
        pixels, targets = case.batch(self.each)
        order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(case.seed))
        groups = [group for group in order.tensor_split(self.batches) if len(group)]
        sums = {name: torch.zeros_like(weight_of(case.model, name)) for name in names}
        for place, group in enumerate(groups):

            def part(
                done: float, words: str = "", partial: Result | None = None, place: int = place
            ) -> None:
                progress((place + done) / len(groups), words, partial)

            for name, slope in slopes(
                case.model, pixels[group], targets[group], names, part
            ).items():
                # squared batch by batch: in one batch of all images signs would cancel
                sums[name] += (slope * weight_of(case.model, name)).square()
        results = {name: total.numpy() for name, total in sums.items()}
        return {"scores": WeightScores(results, "nat²", "sum")}
