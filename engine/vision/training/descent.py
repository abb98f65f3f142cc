"""The descent loop behind every training here: a loss, its gradient, a step.

`train`, stacked training, the unlearners and TinyVLM's stages differ in what their losses are and
in what they do between two steps. The steps themselves are taken here, on a CPU in one thread, so
that the same losses give the same weights to the bit.
"""

from collections.abc import Callable, Iterable, Iterator
from math import isfinite

import torch
from torch import Tensor

from engine.core.errors import BlindspotError
from engine.vision.models.threads import one_thread
from engine.vision.training.optimizer import forget_gradients

Loss = Callable[[], Tensor]  # computes the loss of one batch when it is called


class Diverged(BlindspotError):
    """A loss is not finite."""


def descend(
    optimizer: torch.optim.Optimizer,
    losses: Iterable[Loss],
    *,
    rate: Callable[[int], float] | None = None,
    before_step: Callable[[], object] | None = None,
) -> Iterator[float]:
    """Take one step along the gradient of each loss in turn.

    Args:
        optimizer: takes the steps.
        losses: the next one is only asked for when the step before it was taken, and when
            whoever iterates here is done with it.
        rate: the learning rate of each step by its number, from 0; else the optimizer's own.
        before_step: called when the gradients are there, to clip them for instance.

    Yields:
        The value of each loss, after its step.

    Raises:
        Diverged: a loss is not finite; its step is not taken.
    """
    for number, loss_of in enumerate(losses):
        with one_thread(), torch.enable_grad():
            loss = loss_of()
            if not isfinite(value := loss.item()):
                raise Diverged("The loss is not a finite number any more: choose a lower rate.")
            forget_gradients(optimizer)
            loss.backward()
            if before_step is not None:
                before_step()
            if rate is not None:
                for group in optimizer.param_groups:
                    group["lr"] = rate(number)
            optimizer.step()
        yield value
