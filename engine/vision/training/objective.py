"""What a training makes small: the loss of a batch, as a function of the model and the batch."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor
from torch.nn import functional as F

from engine.core.errors import BlindspotError
from engine.vision.data import Rows
from engine.vision.models.classifier import Classifier


@dataclass(frozen=True)
class Batch:
    """The images of one step.

    Args:
        rows: where they are in the data set, (n,).
        pixels: (n, 3, H, W) in [0, 1]: moved, mirrored and attacked as the recipe says.
        targets: (n,) class numbers, or (n, k) float32 numbers or labels.
        second: another view of the same images, as `pixels`; where the training makes one.
        average: the model with averaged weights; where the training keeps one.
    """

    rows: Rows
    pixels: Tensor
    targets: Tensor
    second: Tensor | None = None
    average: Classifier | None = None


class Objective(Protocol):
    """The loss of a batch."""

    def __call__(self, model: Classifier, batch: Batch) -> Tensor:
        """The loss of each image, (n,), or one number for the batch; with a gradient."""


@dataclass(frozen=True)
class Criterion:
    """An objective that compares the model's outputs with the targets.

    Args:
        name: for error messages and the digest of a question.
        loss: of torch.nn.functional, with its argument `reduction`.
        correct: outputs and targets → the share of each image that is right, (n,); None where
            nothing is right or wrong.
    """

    name: str
    loss: Callable[..., Tensor]
    correct: Callable[[Tensor, Tensor], Tensor] | None = None

    def __call__(self, model: Classifier, batch: Batch) -> Tensor:
        """The loss of each image, (n,)."""
        return self.each(model(batch.pixels), batch.targets)

    def each(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of each image, (n,); the mean over its targets where it has several.

        Raises:
            BlindspotError: outputs (n, k) and targets do not fit together.
        """
        numbered = self.loss is F.cross_entropy and targets.dim() == 1
        if not numbered and outputs.shape != targets.shape:
            shapes = f"{tuple(targets.shape[1:])}, but the model gives {tuple(outputs.shape[1:])}"
            raise BlindspotError(f"{self.name}: an image's targets have the shape {shapes}.")
        losses = self.loss(outputs, targets, reduction="none")
        return losses if losses.dim() == 1 else losses.flatten(1).mean(1)

    def right(self, outputs: Tensor, targets: Tensor) -> float:
        """How many images are right; NaN where none can be."""
        return math.nan if self.correct is None else self.correct(outputs, targets).sum().item()


def most_likely(outputs: Tensor, targets: Tensor) -> Tensor:
    """Whether the largest logit is that of the right class (or of the largest share), (n,)."""
    target_labels = targets if targets.dim() == 1 else targets.argmax(1)
    return (outputs.argmax(1) == target_labels).float()


def labels_right(outputs: Tensor, targets: Tensor) -> Tensor:
    """The share of labels on the right side of a probability of one half, (n,)."""
    # a logit of 0 is a probability of one half
    return ((outputs > 0) == (targets > 0.5)).float().mean(1)


cross_entropy = Criterion("cross-entropy", F.cross_entropy, most_likely)
binary_cross_entropy = Criterion(
    "binary cross-entropy", F.binary_cross_entropy_with_logits, labels_right
)
squared_error = Criterion("squared error", F.mse_loss)
absolute_error = Criterion("absolute error", F.l1_loss)
