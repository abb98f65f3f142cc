"""SCRUB: a student that stays with its teacher on what stays, and leaves it on the rest.

In turn, for each epoch: up KL(teacher ‖ student) on the forgotten images (the first few epochs
only), then down γ CE + α KL(teacher ‖ student) on what stays. The teacher is the original; both
answers are softened by a temperature of 4, and KL is multiplied by its square.

Kurmanji et al., "Towards Unbounded Machine Unlearning" (2023), https://arxiv.org/abs/2302.09880; γ,
α and the temperature as in its published code; rate and ascents are what small networks here need,
and the bound on the gradient's length is added here: without it the way away may run off.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.core.method import Slider, setting
from engine.unlearning.ways.descend import (
    GradientUnlearner,
    Stage,
    clip_setting,
    epochs_setting,
    rate_setting,
)
from engine.unlearning.ways.network import images_and_labels
from engine.unlearning.ways.unlearner import UnlearningRun
from engine.vision.data import Rows

TEMPERATURE = 4.0


@dataclass(frozen=True)
class SCRUB(GradientUnlearner):
    """The model is driven away from the original on the forgotten images, and held on the others.

    The way away has no end: it is stopped after a few epochs, and what stays is mended afterwards.
    The bound on its steps (clip) is an addition of ours.
    """

    name = "SCRUB"
    title = "SCRUB"
    short = "SCRUB"
    cost = "wait"
    paper = "Kurmanji et al. 2023, https://arxiv.org/abs/2302.09880"
    dial = ("rate", (0.0005, 0.002, 0.005, 0.01, 0.02))
    proof = "tests/engine/unlearning/test_baselines.py::test_scrub_climbs_first_and_then_mends"

    epochs: int = epochs_setting(10)
    rate: float = rate_setting(0.01)
    climbs: int = setting(
        3, Slider(0, 20, 1), "Ascents", "In how many of the first epochs it is driven away."
    )
    learn: float = setting(
        0.99, Slider(0.0, 1.0, 0.01), "Labels", "How much the labels of what stays count (γ)."
    )
    stay: float = setting(
        0.001, Slider(0.0, 1.0, 0.001), "Teacher", "How much the original's answers count (α)."
    )

    clip: float | None = clip_setting(10.0)

    def most_slope(self) -> float | None:
        """The clip."""
        return self.clip

    def stages(self, work: UnlearningRun, epoch: int) -> Sequence[Stage]:
        """Away, then back."""

        def away(rows: Rows) -> Tensor:
            # at the teacher itself KL has no slope: only decay and BatchNorm leave that place
            return -distillation_losses(work, rows)[0]

        def mend(rows: Rows) -> Tensor:
            distance, loss = distillation_losses(work, rows)
            return self.learn * loss + self.stay * distance

        first: list[Stage] = [(work.forget, away)] if epoch < self.climbs else []
        return [*first, (work.retain, mend)]


def distillation_losses(work: UnlearningRun, rows: Rows) -> tuple[Tensor, Tensor]:
    """Mean KL(teacher ‖ student) of some images, softened, and their mean cross-entropy."""
    pixels, targets = images_and_labels(work.model, work.data, rows)
    with torch.no_grad():
        teacher_log_probabilities = (work.teacher(pixels) / TEMPERATURE).log_softmax(1)
    logits = work.model(pixels)
    log_probabilities = (logits / TEMPERATURE).log_softmax(1)
    distance = (
        # slopes of softened answers shrink as 1/T²: so α does not hang on T
        F.kl_div(
            log_probabilities, teacher_log_probabilities, reduction="batchmean", log_target=True
        )
        * TEMPERATURE**2
    )
    return distance, F.cross_entropy(logits, targets)
