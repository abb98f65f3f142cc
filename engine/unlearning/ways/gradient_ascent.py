"""GA: steps up the loss of what is to be forgotten.

Published without an end and without a bound on its steps. Both are added here: a gradient is at
most 1 long, and the ascent ends once a batch's loss is above ln C, that of a guess among C classes.

Thudi et al., "Unrolling SGD" (2022), https://arxiv.org/abs/2109.13398; as in Jia et al. (2023).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from torch import Tensor

from engine.core.method import Switch, setting
from engine.unlearning.ways.descend import (
    Enough,
    GradientUnlearner,
    Stage,
    clip_setting,
    epochs_setting,
    learning,
    rate_setting,
)
from engine.unlearning.ways.unlearner import UnlearningRun
from engine.vision.data import Rows


@dataclass(frozen=True)
class GradientAscent(GradientUnlearner):
    """The loss of the forgotten images is driven up; what stays is not looked at.

    Nothing holds the rest of the model together. As published, between a rate that does nothing and
    one that destroys everything there is little room, and it is another one for each model. The
    bound on its steps and the stop are additions of ours; switch both off for the published form.
    """

    name = "GA"
    title = "Gradient ascent"
    short = "GA"
    cost = "wait"
    paper = "Thudi et al. 2022, https://arxiv.org/abs/2109.13398"
    sees = frozenset({"forget"})
    dial = ("rate", (0.001, 0.003, 0.01, 0.03, 0.1))
    proof = "tests/engine/unlearning/test_baselines.py::test_ascent_at_no_rate_is_doing_nothing"

    epochs: int = epochs_setting(50)
    rate: float = rate_setting(0.03)
    clip: float | None = clip_setting(1.0)
    stop: bool = setting(
        True,
        Switch(),
        "Stop at a guess",
        "Ends once a batch's loss is above ln C, that of a guess. An addition of ours; as "
        "published, it takes all its epochs.",
    )

    def most_slope(self) -> float | None:
        """The clip."""
        return self.clip

    def stages(self, work: UnlearningRun, epoch: int) -> Sequence[Stage]:
        """What is forgotten, upwards."""
        del epoch
        ascent, end = learning(work, -1.0), log(len(work.model.labels))

        def loss(rows: Rows) -> Tensor:
            result = ascent(rows)
            # raised before this batch has a step: the weights stay those with this loss
            if self.stop and -result.item() > end:
                raise Enough
            return result

        return [(work.forget, loss)]
