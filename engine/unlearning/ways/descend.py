"""Unlearners that take steps: SGD over several sets in turn, each with a loss of its own.

The trainer's epochs know one set and one loss; these go over the forgotten and the retained images
in turn, with losses of different signs, hold some weights to the bit, and can be left at any step
with the last good weights. The steps are those of `engine.vision.training.descend`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Optimizer

from engine.core.method import Progress, Slider, setting
from engine.unlearning.ways.network import images_and_labels, in_parts, named_weights
from engine.unlearning.ways.unlearner import Unlearner, UnlearningRun
from engine.vision.data import Rows
from engine.vision.training import descend as steps

MOMENTUM = 0.9
DECAY = 5e-4  # both as Jia et al. (2023) have them


class Enough(Exception):
    """No more steps are wanted."""


Loss = Callable[[Rows], Tensor]
Stage = tuple[Rows, Loss]  # what is gone over, and the loss of a batch of it


def epochs_setting(default: int) -> int:
    """How often it goes over the images."""
    return setting(default, Slider(1, 50, 1), "Epochs", "How often the images are gone over.")


def rate_setting(default: float) -> float:
    """How far a step goes."""
    return setting(
        default,
        Slider(1e-6, 0.5, 1e-6, log=True),
        "Rate",
        "How far a step goes: too small forgets nothing, too large destroys the model.",
    )


def clip_setting(default: float) -> float | None:
    """How long a gradient may be."""
    return setting(
        default,
        Slider(0.1, 100.0, 0.1, log=True, off="none", start=default),
        "Clip",
        "The longest gradient that a step follows. An addition of ours; none is as published.",
    )


@dataclass(frozen=True)
class GradientUnlearner(Unlearner, ABC):
    """An unlearner that takes steps at one rate: SGD with momentum, unless it says otherwise."""

    epochs: int = epochs_setting(10)
    rate: float = rate_setting(0.01)
    batch: int = setting(
        64, Slider(1, 512, 1, log=True), "Batch", "Images to a step; the parts are even."
    )

    def most_slope(self) -> float | None:
        """The longest gradient that a step follows, or None for any."""
        return None

    def optimizer(self, weights: Sequence[nn.Parameter]) -> Optimizer:
        """What takes the steps."""
        return SGD(weights, self.rate, momentum=MOMENTUM, weight_decay=DECAY)

    @abstractmethod
    def stages(self, work: UnlearningRun, epoch: int) -> Sequence[Stage]:
        """What is gone over in an epoch, in order, and by which loss."""

    def change(self, work: UnlearningRun) -> None:
        """Take the steps."""
        descend(self, work, work.progress)


def descend(method: GradientUnlearner, work: UnlearningRun, progress: Progress) -> None:
    """All epochs, or fewer where a loss says enough.

    BatchNorm's statistics follow the batches, as in a training.

    Raises:
        Diverged: a loss is no number any more.
    """
    weights = list(named_weights(work.model.train()).values())
    optimizer = method.optimizer(weights)

    def before_step() -> None:
        # the loss of these weights is known to be finite here; that of the next ones is not
        work.remember()
        if (most := method.most_slope()) is not None:
            # one norm over all weights: the gradient keeps its direction
            torch.nn.utils.clip_grad_norm_(weights, most)

    with suppress(Enough):
        for _ in steps(optimizer, losses(method, work, progress), before_step=before_step):
            work.step += 1
            # momentum and weight decay move held weights that have no gradient at all
            work.put_back()


def losses(
    method: GradientUnlearner, work: UnlearningRun, progress: Progress
) -> Iterator[Callable[[], Tensor]]:
    """The loss of every batch of every epoch; after its step, it is told how far this is."""
    for epoch in range(method.epochs):
        stages = method.stages(work, epoch)
        parts = [
            (part, loss) for rows, loss in stages for part in in_parts(rows, method.batch, work.rng)
        ]
        for done, (rows, loss_of) in enumerate(parts, start=1):
            yield partial(loss_of, rows)
            progress(
                (epoch + done / len(parts)) / method.epochs, f"epoch {epoch + 1} of {method.epochs}"
            )
        work.show()


def learning(work: UnlearningRun, weight: float = 1.0) -> Loss:
    """Mean cross-entropy with the images' own labels, times a weight."""

    def loss(rows: Rows) -> Tensor:
        pixels, targets = images_and_labels(work.model, work.data, rows)
        result = F.cross_entropy(work.model(pixels), targets)
        return result if weight == 1 else weight * result

    return loss
