"""What may be done from outside to a model and to images while it is trained."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from engine.vision.models.classifier import Classifier


class AfterStep(Protocol):
    """What is done to the model after each step, such as shrinking its weights."""

    def __call__(self, model: Classifier, rate: float) -> None:
        """Change the model in place, without gradients."""


@runtime_checkable
class HookWithMemory(Protocol):
    """A hook that carries something from step to step, such as scores that it learns.

    Its memory is kept with the training, so that an interruption changes nothing.
    """

    def memory(self) -> dict[str, Tensor]:
        """Everything that the next call depends on, by name."""

    def recall(self, memory: dict[str, Tensor]) -> None:
        """Go on from what `memory` gave; masks that it changes are put back too."""


class Augmentation(Protocol):
    """What makes another view of images, such as `augmented` with a recipe."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """The view of images (N, C, H, W) in [0, 1]; random numbers come from the generator."""
