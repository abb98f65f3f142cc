"""NegGrad+: down on what stays and up on what is forgotten, in the same step.

L = β CE(D_r) − (1 − β) CE(D_f), a batch of each. Kurmanji et al., "Towards Unbounded Machine
Unlearning" (2023), section 4, https://arxiv.org/abs/2302.09880
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from engine.data import Rows
from engine.method import Slider, setting
from engine.unlearning.descend import Stage, Stepping, learning
from engine.unlearning.unlearner import Work


@dataclass(frozen=True)
class NegGradPlus(Stepping):
    """Gradient ascent on the forgotten images, held together by the others in every step.

    Near a balance of 1 it is fine-tuning; with less it climbs without end, and may take the model
    with it.
    """

    name = "NegGradPlus"
    title = "NegGrad+"
    short = "NegGrad+"
    cost = "wait"
    paper = "Kurmanji et al. 2023, https://arxiv.org/abs/2302.09880"
    dial = ("balance", (0.999, 0.99, 0.97, 0.95, 0.9, 0.8))
    proof = (
        "tests/engine/unlearning/test_baselines.py"
        "::test_negative_gradients_with_a_balance_of_one_are_fine_tuning"
    )

    balance: float = setting(
        0.97, Slider(0.5, 1.0, 0.001), "Balance", "How much what stays counts (β)."
    )

    def stages(self, work: Work, epoch: int) -> Sequence[Stage]:
        """What stays, each batch with one of what is forgotten."""
        del epoch
        down, up = learning(work), learning(work)

        def loss(rows: Rows) -> Tensor:
            if self.balance == 1:
                return down(rows)
            own = min(self.batch, len(work.forget))
            drawn = work.rng.choice(work.forget, own, replace=False)
            return self.balance * down(rows) - (1 - self.balance) * up(drawn)

        return [(work.retain, loss)]
