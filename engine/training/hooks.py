"""What may be done to a model from outside while it is trained."""

from __future__ import annotations

from typing import Protocol

from engine.models.classifier import Classifier


class AfterStep(Protocol):
    """What is done to the model after each step, such as shrinking its weights."""

    def __call__(self, model: Classifier, rate: float) -> None:
        """Change the model in place, without gradients."""
