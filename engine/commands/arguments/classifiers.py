"""Arguments that name a classifier, which most cases have."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

from engine.commands.arguments.base import Arguments
from engine.commands.arguments.text import near
from engine.core.controls import OtherArguments
from engine.core.errors import BlindspotError
from engine.core.method import CaseT
from engine.core.whole import whole_number
from engine.vision.arguments import LABELS, WEIGHTS, model_argument, read_classifier
from engine.vision.models.catalog import load
from engine.vision.models.classifier import Classifier
from engine.vision.models.own_file import FILE_PREFIX


def class_options(arguments: OtherArguments) -> tuple[str, ...]:
    """The classes of the model, but for the one that is asked about already."""
    model = arguments.get("model")
    if isinstance(model, str):
        model = load(model)
    return (
        tuple(label for label in model.labels if label != arguments.get("target")) if model else ()
    )


@dataclass(frozen=True)
class ModelArguments(Arguments[CaseT]):
    """A classifier: by name, or an architecture with weights of one's own."""

    model: str = model_argument("digits-cnn")
    weights: str | None = copy(WEIGHTS)
    labels: str | None = copy(LABELS)

    def classifier(self) -> Classifier:
        """The model. Raises BadModel."""
        default = self.specs()["model"].default
        return read_classifier(self.model, self.weights, self.labels, default=default)

    @classmethod
    def of(cls, case: Any, **known: Any) -> Any:
        """As `Arguments.of`; weights from a file need `model` and `weights`."""
        if case.model.name.startswith(FILE_PREFIX) and not {"model", "weights"} <= known.keys():
            raise BlindspotError(
                "This model comes from a file: say model=… (its architecture) and weights=…."
            )
        return super().of(case, **known)


def class_number(text: str, model: Classifier) -> int:
    """A class number, from itself or from the label or a part of it that only one label has."""
    if text.lstrip("-").isdecimal():
        index = whole_number(text)
        if index is None or index >= len(model.labels):
            last = len(model.labels) - 1
            raise BlindspotError(f"Class {text[:40]} is unknown: {model.title} has 0 to {last}.")
        return index
    lower = [label.lower() for label in model.labels]
    if text.lower() in lower:
        return lower.index(text.lower())
    parts = [index for index, label in enumerate(lower) if text.lower() in label]
    if text and len(parts) == 1:
        return parts[0]
    if text and parts:
        names = ", ".join(f"{index} {model.labels[index]}" for index in parts[:5])
        raise BlindspotError(f"{len(parts)} classes have {text[:40]!r} in their name: {names} …")
    raise BlindspotError(f"No class is called {text[:40]!r}.{near(text[:40].lower(), lower)}")
