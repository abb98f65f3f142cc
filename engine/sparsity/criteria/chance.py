"""Random: which weights stay is drawn, so that only how many stay in each layer matters.

s ~ U(0, 1), one generator for each layer. The same seed gives nested masks at all ratios.
Liu et al., "The Unreasonable Effectiveness of Random Pruning" (2022),
https://arxiv.org/abs/2202.02643
"""

from dataclasses import dataclass

import numpy as np

from engine.core.method import Progress, Slider, quiet, setting
from engine.core.result import Result, WeightScores
from engine.sparsity.method import SparsityMethod
from engine.vision.weights.case import PruneCase
from engine.vision.weights.parts import prunable_parts


@dataclass(frozen=True)
class Random(SparsityMethod):
    """Which weights stay is drawn by lot; what any criterion has to beat.

    The scores mean nothing. A trained model that is pruned so loses nearly everything; trained
    from the start with such a mask it comes surprisingly close, if each layer keeps enough.
    """

    name = "Random"
    title = "Random"
    cost = "live"
    paper = "Liu et al. 2022, https://arxiv.org/abs/2202.02643"
    proof = (
        "tests/engine/sparsity/test_scores.py"
        "::test_random_masks_are_nested_for_a_seed_and_overlap_as_chance_says"
    )

    draw: int = setting(0, Slider(0, 99, 1), "Draw", "Another number draws other weights.")

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: scores, uniform between 0 and 1."""
        results = {
            # ranked, where the published code tosses coins: counts are exact, masks nested
            part.name: np.random.default_rng([case.seed, self.draw, place]).random(
                part.shape, np.float32
            )
            for place, part in enumerate(prunable_parts(case.model))
        }
        progress(1.0, "drawn")
        return {"scores": WeightScores(results, "nothing", "mean")}
