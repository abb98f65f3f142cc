"""Level: one point of the curve of accuracy against sparsity, at the ratio of now."""

from dataclasses import dataclass

import numpy as np

from engine.core.method import Progress, quiet
from engine.core.result import Result, Scores
from engine.sparsity.masks.pruning import Pruning
from engine.sparsity.prune import share_correct
from engine.vision.weights.case import PruneCase


@dataclass(frozen=True)
class Level(Pruning):
    """The share of test images that the pruned model gets right, without any training.

    For photographs without known labels it is the share on which it still says what the dense
    model says.
    """

    name = "Level"
    title = "Accuracy at this ratio"
    cost = "live"
    proof = (
        "tests/engine/sparsity/test_rounds.py"
        "::test_a_level_asked_alone_is_the_curve_s_point_at_that_ratio"
    )

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: figures, the accuracy and the share of the weights that is cut."""
        masks = self.masks(case, progress)
        result = np.array([share_correct(self.made(case, masks), case), masks.sparsity], np.float32)
        progress(1.0, "looked at the test images")
        return {"figures": Scores(result, ("test accuracy", "sparsity"), "share")}
