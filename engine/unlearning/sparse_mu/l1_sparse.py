"""l1-sparse: fine-tuning on what stays, with a pull of all weights to zero that fades.

L = CE + γ_t ‖θ‖₁ with γ_t = α (1 − t / (T − T₀)) in epoch t < T − T₀, then 0. Jia et al., "Model
Sparsity Can Simplify Machine Unlearning" (2023), https://arxiv.org/abs/2304.04934
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from engine.core.method import Slider, setting
from engine.unlearning.ways.descend import GradientUnlearner, Stage, learning, rate_setting
from engine.unlearning.ways.network import named_weights
from engine.unlearning.ways.unlearner import UnlearningRun
from engine.vision.data import Rows


@dataclass(frozen=True)
class L1Sparse(GradientUnlearner):
    """Fine-tuning on what stays while every weight is drawn to zero, less and less.

    What no image that stays asks for fades away. Under SGD hardly a weight becomes exactly zero:
    the model is not sparse afterwards. Without the pull it is plain fine-tuning.
    """

    name = "L1Sparse"
    title = "l1-sparse"
    short = "l1-sparse"
    cost = "wait"
    paper = "Jia et al. 2023, https://arxiv.org/abs/2304.04934"
    sees = frozenset({"retain"})
    dial = ("pull", (5e-4, 1e-3, 2e-3, 5e-3, 1e-2))
    proof = (
        "tests/engine/unlearning/test_baselines.py"
        "::test_without_its_pull_l1_sparse_is_fine_tuning_bit_for_bit"
    )

    rate: float = rate_setting(0.03)
    pull: float | None = setting(
        5e-3,
        Slider(1e-6, 1e-2, 1e-6, log=True, off="none"),
        "Pull",
        "How strongly weights are drawn to zero at first (α). Published up to 1e-3; small networks "
        "need more.",
    )
    free: int = setting(
        0, Slider(0, 5, 1), "Free epochs", "How many epochs at the end have no pull (T₀)."
    )

    def stages(self, work: UnlearningRun, epoch: int) -> Sequence[Stage]:
        """What stays, with the pull of this epoch."""
        epoch_pull, learn = self.pull_in(epoch), learning(work)

        def loss(rows: Rows) -> Tensor:
            # over all parameters, norms and biases too, as published
            size = sum(weight.abs().sum() for weight in named_weights(work.model).values())
            return learn(rows) + epoch_pull * size

        return [(work.retain, loss if epoch_pull else learn)]

    def pull_in(self, epoch: int) -> float:
        """γ in an epoch, counted from 0."""
        pulled_epochs = self.epochs - self.free
        if not self.pull or epoch >= pulled_epochs:
            return 0.0
        return self.pull * (1 - epoch / pulled_epochs)
