"""FT: the model learns on from what stays, and is left to forget the rest by itself.

Jia et al., "Model Sparsity Can Simplify Machine Unlearning" (2023), section 2,
https://arxiv.org/abs/2304.04934
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.unlearning.ways.descend import GradientUnlearner, Stage, learning
from engine.unlearning.ways.unlearner import UnlearningRun


@dataclass(frozen=True)
class FineTune(GradientUnlearner):
    """The model goes on learning from the images that stay; the others are not looked at.

    It forgets only what new steps overwrite. A whole class is hardly forgotten so: nothing that
    stays contradicts it.
    """

    name = "FT"
    title = "Fine-tune"
    short = "FT"
    cost = "wait"
    paper = "Jia et al. 2023, https://arxiv.org/abs/2304.04934"
    sees = frozenset({"retain"})
    dial = ("rate", (0.001, 0.01, 0.03, 0.1, 0.2))
    proof = "tests/engine/unlearning/test_baselines.py::test_fine_tuning_is_sgd_on_what_stays"

    def stages(self, work: UnlearningRun, epoch: int) -> Sequence[Stage]:
        """What stays."""
        del epoch
        return [(work.retain, learning(work))]
