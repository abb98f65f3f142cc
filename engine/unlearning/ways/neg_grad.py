"""NegGrad+: down on what stays and up on what is forgotten, in the same step.

L = β CE(D_r) − (1 − β) CE(D_f), a batch of each. Published without an end to the ascent; here the
loss of each forgotten image counts up to 2 ln C at most, twice that of a guess among C classes,
from where on it has no slope. Kurmanji et al., "Towards Unbounded Machine Unlearning" (2023),
section 4, https://arxiv.org/abs/2302.09880
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from torch import Tensor
from torch.nn import functional as F

from engine.core.method import Slider, setting
from engine.unlearning.ways.descend import GradientUnlearner, Loss, Stage, learning
from engine.unlearning.ways.network import images_and_labels
from engine.unlearning.ways.unlearner import UnlearningRun
from engine.vision.data import Rows


@dataclass(frozen=True)
class NegGradPlus(GradientUnlearner):
    """Gradient ascent on the forgotten images, held together by the others in every step.

    Near a balance of 1 it is fine-tuning; with less it climbs, as published without end, and may
    take the model with it. The cap on each forgotten image's loss is an addition of ours.
    """

    name = "NegGradPlus"
    title = "NegGrad+"
    short = "NegGrad+"
    cost = "wait"
    paper = "Kurmanji et al. 2023, https://arxiv.org/abs/2302.09880"
    dial = ("balance", (0.999, 0.99, 0.97, 0.9, 0.7, 0.5))
    proof = (
        "tests/engine/unlearning/test_baselines.py"
        "::test_negative_gradients_with_a_balance_of_one_are_fine_tuning"
    )

    balance: float = setting(
        0.5, Slider(0.5, 1.0, 0.001), "Balance", "How much what stays counts (β)."
    )
    cap: float | None = setting(
        2.0,
        Slider(0.1, 10.0, 0.1, off="none", start=2.0),
        "Cap",
        "A forgotten image's loss counts up to so many times ln C, that of a guess. An addition of "
        "ours; none is as published.",
    )

    def stages(self, work: UnlearningRun, epoch: int) -> Sequence[Stage]:
        """What stays, each batch with one of what is forgotten."""
        del epoch
        down, up = learning(work), self.climbing(work)

        def loss(rows: Rows) -> Tensor:
            # not 0 times an ascent: its batch would still move BatchNorm and draw numbers
            if self.balance == 1:
                return down(rows)
            batch_size = min(self.batch, len(work.forget))
            forget_rows = work.rng.choice(work.forget, batch_size, replace=False)
            return self.balance * down(rows) - (1 - self.balance) * up(forget_rows)

        return [(work.retain, loss)]

    def climbing(self, work: UnlearningRun) -> Loss:
        """Mean cross-entropy, each image's up to the cap."""
        if self.cap is None:
            return learning(work)
        most = self.cap * log(len(work.model.labels))

        def loss(rows: Rows) -> Tensor:
            pixels, targets = images_and_labels(work.model, work.data, rows)
            losses = F.cross_entropy(work.model(pixels), targets, reduction="none")
            # image by image: a cap on the mean would let one image climb on and on
            return losses.clamp(max=most).mean()

        return loss
