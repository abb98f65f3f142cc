"""What may be added to a training from outside: a term of the loss, a deed after each step."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from engine.data import Rows
from engine.models.classifier import Classifier


class ExtraLoss(Protocol):
    """A term that is added to the loss of a batch."""

    def __call__(
        self, model: Classifier, rows: Rows, pixels: Tensor, targets: Tensor, logits: Tensor
    ) -> Tensor:
        """One number with a gradient."""


class AfterStep(Protocol):
    """What is done to the model after each step, such as shrinking its weights."""

    def __call__(self, model: Classifier, rate: float) -> None:
        """Change the model in place, without gradients."""
