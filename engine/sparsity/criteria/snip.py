"""SNIP: how much the loss would change if a weight were switched off, to first order.

s = |θ ⊙ ∂ℓ/∂θ| = |∂ℓ/∂c| at c = 1, with c a switch on each weight; divided by the sum over the
network. Lee, Ajanthan and Torr, "SNIP: Single-shot Network Pruning based on Connection
Sensitivity" (2019), https://arxiv.org/abs/1810.02340
"""

from dataclasses import dataclass

from engine.core.method import Progress, Slider, quiet, setting
from engine.core.result import Result, WeightScores
from engine.sparsity.criteria.slopes import normalized, slopes, weight_of
from engine.sparsity.method import SparsityMethod
from engine.vision.weights.case import PruneCase
from engine.vision.weights.parts import prunable_parts

PER_CLASS_HELP = (
    "Images of each class that are looked at; as many as there are, when there are fewer."
)


@dataclass(frozen=True)
class Snip(SparsityMethod):
    """How much the loss would change if a weight were switched off, to first order.

    One unit is that weight's share of the sensitivity of the whole network: all scores add up to
    one. The paper scores a network before training. Here the weights are scored as they are, also
    where SNIP only sets the ratio of each layer: in a trained network slopes are small, and a score
    then says more about the few images that are still wrong.
    """

    name = "SNIP"
    title = "SNIP"
    cost = "wait"
    paper = "Lee, Ajanthan & Torr 2019, https://arxiv.org/abs/1810.02340"
    needs = frozenset({"gradient"})
    proof = (
        "tests/engine/sparsity/test_scores.py"
        "::test_snip_on_a_linear_softmax_model_is_its_closed_form"
    )

    each: int = setting(10, Slider(1, 50, 1), "Images of a class", PER_CLASS_HELP)

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: scores, shares of the network's sensitivity."""
        names = [part.name for part in prunable_parts(case.model)]
        gradients = slopes(case.model, *case.batch(self.each), names, progress)
        scores = {
            name: (slope * weight_of(case.model, name)).abs() for name, slope in gradients.items()
        }
        return {"scores": WeightScores(normalized(scores), "share", "sum")}
