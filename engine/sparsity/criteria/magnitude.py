"""Magnitude: a weight counts as much as it is large.

s = |θ|. Han et al., "Learning both Weights and Connections for Efficient Neural Networks" (2015),
https://arxiv.org/abs/1506.02626
"""

from dataclasses import dataclass

from engine.core.method import Progress, quiet
from engine.core.result import Result, WeightScores
from engine.sparsity.criteria.slopes import weight_of
from engine.sparsity.method import SparsityMethod
from engine.vision.weights.case import PruneCase
from engine.vision.weights.parts import prunable_parts


@dataclass(frozen=True)
class Magnitude(SparsityMethod):
    """A weight counts as much as it is large; no image is looked at.

    One unit is the weight itself. It is the plainest criterion and a hard one to beat once a model
    is trained. A large weight that reads a silent channel counts all the same.
    """

    name = "Magnitude"
    title = "Magnitude"
    cost = "live"
    paper = "Han et al. 2015, https://arxiv.org/abs/1506.02626"
    proof = (
        "tests/engine/sparsity/test_pruner.py"
        "::test_masks_are_those_of_torch_pruning_over_all_layers"
    )

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: scores, of every weight that can be pruned, head included."""
        results = {
            part.name: weight_of(case.model, part.name).abs().numpy()
            for part in prunable_parts(case.model)
        }
        progress(1.0, "looked at the weights")
        return {"scores": WeightScores(results, "weight", "l2")}
