"""Arguments that name a classifier, which most cases have."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

from engine.commands.arguments.base import Arguments
from engine.core.errors import BlindspotError
from engine.core.method import CaseT
from engine.vision.arguments import LABELS, WEIGHTS, model_argument, read_classifier
from engine.vision.models.classifier import Classifier
from engine.vision.models.own_file import FILE_PREFIX

__all__ = ["ModelArguments", "model_argument"]


@dataclass(frozen=True)
class ModelArguments(Arguments[CaseT]):
    """A classifier: by name, or an architecture with weights of one's own."""

    model: str = model_argument("digits-cnn")
    weights: str | None = copy(WEIGHTS)
    labels: str | None = copy(LABELS)

    def classifier(self) -> Classifier:
        """The model. Raises BadModel."""
        default = self.specs()["model"].default
        return read_classifier(self.model, self.weights, self.labels, default=str(default))

    @classmethod
    def of(cls, case: Any, **known: Any) -> Any:
        """As `Arguments.of`; weights from a file need `model` and `weights`."""
        if case.model.name.startswith(FILE_PREFIX) and not {"model", "weights"} <= known.keys():
            raise BlindspotError(
                "This model comes from a file: say model=… (its architecture) and weights=…."
            )
        return super().of(case, **known)
