"""Weights from a file of one's own; code that it may hold is never run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import load_file
from torch import Tensor

from engine.errors import BadModel
from engine.models.architectures import known_architecture, wrap
from engine.models.classifier import Classifier, Lineage

OWN = "file:"  # how the name of a model from a file begins
CODE = ("GLOBAL ", "Unsupported class", "TorchScript")  # in what torch says of a refused file


def load_from_file(path: Path, architecture: str, labels: Path | None = None) -> Classifier:
    """Weights of one's own, `.safetensors` or `.pt`, for a timm architecture.

    Raises:
        BadModel: the file holds code, is damaged, or does not fit the architecture.
    """
    known_architecture(architecture)
    state = read_weights(path)
    classes = count_classes(architecture, state)
    own: dict[str, Any] = {} if classes is None else {"num_classes": classes}
    network = timm.create_model(architecture, pretrained=False, **own)
    try:
        missing, unexpected = network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        detail = str(error).splitlines()[-1].strip()
        message = f"{path.name} does not fit {architecture}: {detail}"
        raise BadModel(message) from error
    if missing or unexpected:
        odd = (missing or unexpected)[0]
        message = (
            f"{path.name} does not fit {architecture}: {len(missing)} tensors are missing and "
            f"{len(unexpected)} are unknown, for example {odd!r}. Is it another architecture?"
        )
        raise BadModel(message)
    named = read_labels(labels) if labels else ()
    model = wrap(network, OWN, "Own weights", named, architecture)
    digest = model.fingerprint[:6]  # links, jobs and records have it, and never the file's name
    model.name, model.title = f"{OWN}{digest}", f"Own weights {digest} ({architecture})"
    model.lineage = Lineage(model.title)
    return model


def count_classes(architecture: str, state: Mapping[str, Tensor]) -> int | None:
    """How many classes the file's last layer has; None when it cannot be told."""
    config = timm.models.get_pretrained_cfg(architecture)
    heads: str | Iterable[str] = getattr(config, "classifier", None) or ()
    for head in (heads,) if isinstance(heads, str) else heads:
        weight = state.get(f"{head}.weight")
        if weight is not None and weight.ndim:
            return len(weight)
    return None


def read_weights(path: Path) -> dict[str, Tensor]:
    """Named tensors of a `.safetensors` or `.pt` file; code in it is never run."""
    if path.suffix.lower() not in {".safetensors", ".pt", ".pth"}:
        message = f"{path.name} is neither .safetensors nor .pt: those are what can be read."
        raise BadModel(message)
    if not path.is_file():
        raise BadModel(f"There is no file {path.name} here: check the path.")
    try:
        state: Any = (
            load_file(path)
            if path.suffix.lower() == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except Exception as error:  # a damaged or hostile file can raise anything
        if any(sign in str(error) for sign in CODE):
            message = (
                f"{path.name} holds more than weights (pickled code), so it was not opened. "
                "Save the state_dict alone, best as .safetensors."
            )
            raise BadModel(message) from error
        raise BadModel(f"{path.name} cannot be read as weights: it is damaged or empty.") from error
    for wrapper in ("state_dict", "model"):
        if isinstance(state, Mapping) and isinstance(state.get(wrapper), Mapping):
            state = state[wrapper]
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise BadModel(f"{path.name} holds no plain table of weights (a state_dict).")
    return {key.removeprefix("module."): value for key, value in state.items()}


def read_labels(path: Path) -> tuple[str, ...]:
    """Class names: a JSON list, or one a line."""
    message = f"{path.name} is no list of labels: give one a line, or a JSON list."
    try:
        text = path.read_text(encoding="utf-8")
        listed = json.loads(text) if path.suffix.lower() == ".json" else text.splitlines()
    except (OSError, ValueError, RecursionError) as error:
        raise BadModel(message) from error
    if not isinstance(listed, list):
        raise BadModel(message)
    return told_apart([name for one in listed if (name := str(one).strip())])


def told_apart(names: Sequence[str]) -> tuple[str, ...]:
    """Names that stand twice get their class number: “crane” is a bird and a machine."""
    often = Counter(names)
    return tuple(f"{name} ({at})" if often[name] > 1 else name for at, name in enumerate(names))
