"""RL: what is to be forgotten is learned again with labels drawn at random, then what stays.

Golatkar et al., "Eternal Sunshine of the Spotless Net" (2020), https://arxiv.org/abs/1911.04933;
as in the published code of SalUn: in every epoch first the forgotten images, with new labels in
every batch, then what stays with its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.core.method import Slider, Switch, setting
from engine.unlearning.ways.descend import GradientUnlearner, Loss, Stage, learning
from engine.unlearning.ways.network import images_and_labels
from engine.unlearning.ways.unlearner import UnlearningRun
from engine.vision.data import Rows


def keep_setting() -> float:
    """How much what stays counts."""
    return setting(
        1.0, Slider(0.1, 10.0, 0.1), "Keep", "How much the images that stay count in the loss."
    )


def never_setting() -> bool:
    """Whether the right label is left out."""
    return setting(
        False,
        Switch(),
        "Never the right label",
        "The paper draws among the other classes; its code, and this when off, among all.",
    )


@dataclass(frozen=True)
class RandomLabels(GradientUnlearner):
    """The forgotten images are taught random labels, while what stays is taught its own.

    It unlearns more than the retrained model would: a retrained model is not at a loss about an
    image it never saw, it guesses well. Compare the attack's figure, not the accuracy alone.
    """

    name = "RL"
    title = "Random labels"
    short = "RL"
    cost = "wait"
    paper = "Golatkar et al. 2020, https://arxiv.org/abs/1911.04933"
    dial = ("rate", (0.001, 0.003, 0.01, 0.03, 0.1))
    proof = (
        "tests/engine/unlearning/salun/test_salun.py"
        "::test_a_mask_of_everything_gives_random_labels_bit_for_bit"
    )

    keep: float = keep_setting()
    never: bool = never_setting()

    def stages(self, work: UnlearningRun, epoch: int) -> Sequence[Stage]:
        """The forgotten images with other labels, then what stays."""
        del epoch
        return random_stages(work, self.keep, self.never)


def random_stages(work: UnlearningRun, keep: float, never: bool) -> list[Stage]:
    """The two stages of random labels."""
    return [(work.forget, relabelled(work, never)), (work.retain, learning(work, keep))]


def relabelled(work: UnlearningRun, never: bool) -> Loss:
    """Mean cross-entropy with labels drawn anew at every call."""
    classes = len(work.model.labels)

    def loss(rows: Rows) -> Tensor:
        pixels, targets = images_and_labels(work.model, work.data, rows)
        if never:
            # a shift of 1 to C − 1 around the circle: each other class is as likely
            shift = torch.from_numpy(work.rng.integers(1, classes, len(rows)))
            random_targets = (targets + shift.to(targets.device)) % classes
        else:
            random_targets = torch.from_numpy(work.rng.integers(0, classes, len(rows))).to(
                targets.device
            )
        return F.cross_entropy(work.model(pixels), random_targets)

    return loss
