"""GA: steps up the loss of what is to be forgotten.

Thudi et al., "Unrolling SGD" (2022), https://arxiv.org/abs/2109.13398; as in Jia et al. (2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.unlearning.descend import Stage, Stepping, epochs_setting, learning, rate_setting
from engine.unlearning.unlearner import Work


@dataclass(frozen=True)
class GradientAscent(Stepping):
    """The loss of the forgotten images is driven up; what stays is not looked at.

    Nothing holds the rest of the model together: between a rate that does nothing and one that
    destroys everything there is little room, and it is another one for each model.
    """

    name = "GA"
    title = "Gradient ascent"
    short = "GA"
    cost = "wait"
    paper = "Thudi et al. 2022, https://arxiv.org/abs/2109.13398"
    sees = frozenset({"forget"})
    dial = ("rate", (0.001, 0.003, 0.01, 0.03, 0.1))
    proof = "tests/engine/unlearning/test_baselines.py::test_ascent_at_no_rate_is_doing_nothing"

    epochs: int = epochs_setting(5)
    rate: float = rate_setting(0.003)

    def stages(self, work: Work, epoch: int) -> Sequence[Stage]:
        """What is forgotten, upwards."""
        del epoch
        return [(work.forget, learning(work, -1.0))]
