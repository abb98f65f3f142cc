"""Arguments that name a classifier, which most cases have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.commands.arguments.base import Arguments
from engine.commands.arguments.text import near
from engine.core.controls import OtherArguments, Text, argument
from engine.core.errors import BadModel, BlindspotError
from engine.core.method import CaseT, Option
from engine.core.whole import whole_number
from engine.vision.models.catalog import lites, load, load_from_file, local_entries
from engine.vision.models.classifier import Classifier
from engine.vision.models.own_file import FILE_PREFIX


def model_options(arguments: OtherArguments) -> tuple[Option, ...]:
    """The models that are here without any download; beside data, those that learned from it."""
    result = (model for model in (*lites(), *local_entries()) if model.available)
    data = arguments.get("data")
    return tuple(
        Option(model.name, model.line.strip()) for model in result if data in {None, model.data}
    )


def class_options(arguments: OtherArguments) -> tuple[str, ...]:
    """The classes of the model, but for the one that is asked about already."""
    model = arguments.get("model")
    if isinstance(model, str):
        model = load(model)
    return (
        tuple(label for label in model.labels if label != arguments.get("target")) if model else ()
    )


def model_argument(
    default: str, help: str = "A name from the list of models, or a timm architecture."
) -> Any:
    """A classifier by name."""
    return argument(default, Text(options=model_options), "Model", help)


@dataclass(frozen=True)
class ModelArguments(Arguments[CaseT]):
    """A classifier: by name, or an architecture with weights of one's own."""

    model: str = model_argument("digits-cnn")
    weights: str | None = argument(
        None,
        Text(off="those of the name"),
        "Weights",
        "A file of your own weights, .safetensors or .pt, for the architecture that --model names.",
    )
    labels: str | None = argument(
        None,
        Text(off="those of the model"),
        "Labels",
        "A file of class names for these weights, one a line or a JSON list.",
    )

    def classifier(self) -> Classifier:
        """The model. Raises BadModel."""
        if self.weights is None:
            if self.labels is not None:
                raise BadModel("--labels go with --weights: a named model has its own.")
            return load(self.model)
        if self.model == self.specs()["model"].default:
            raise BadModel("--weights need the architecture they are for: --model NAME.")
        return load_from_file(
            Path(self.weights), self.model, Path(self.labels) if self.labels else None
        )

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
