"""Models from files of one's own: exported ones, and weights for an architecture of timm's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from engine.errors import BadModel
from engine.models.architectures import known_architecture, wrap
from engine.models.classifier import Classifier, Lineage
from engine.models.rebuild import NUMBERS, has_card, read_model
from engine.models.weights_file import read_weights
from engine.result import distinct

OWN = "file:"  # how the name of a model from a file begins
LARGEST = 512 * 2**20  # bytes of a file that is judged
MOST_LABELS = 2**20  # bytes of a list of labels
MOST_CLASSES = 21_843  # of ImageNet-21k, the largest head that timm has weights for
UNBUILT = (AssertionError, AttributeError, KeyError, NotImplementedError, RuntimeError, TypeError,
           ValueError)  # fmt: skip


def load_from_file(path: Path, architecture: str, labels: Path | None = None) -> Classifier:
    """Weights of one's own, `.safetensors` or `.pt`, for a timm architecture.

    Names and shapes are compared with a network without memory before a real one is built.

    Raises:
        BadModel: the file holds code, is damaged, or does not fit the architecture.
    """
    known_architecture(architecture)
    state = read_weights(path)
    classes = count_classes(architecture, state)
    if classes is not None and classes > MOST_CLASSES:
        raise BadModel(f"{path.name} has {classes:,} classes; at most {MOST_CLASSES:,} are read.")
    own: dict[str, Any] = {} if classes is None else {"num_classes": classes}
    called = f"{path.name} does not fit {architecture}"
    try:
        with torch.device("meta"):
            wanted = timm.create_model(architecture, pretrained=False, **own).state_dict()
    except UNBUILT as error:
        raise BadModel(f"{called}: it cannot be built with {classes} classes.") from error
    check(wanted, state, called)
    network: nn.Module = timm.create_model(architecture, pretrained=False, **own)
    network.load_state_dict(state)
    named = read_labels(labels) if labels else ()
    model = wrap(network, OWN, "Own weights", named, architecture)
    digest = model.fingerprint[:6]  # links, jobs and records have it, and never the file's name
    model.name, model.title = f"{OWN}{digest}", f"Own weights {digest} ({architecture})"
    model.lineage = Lineage(model.title)
    return model


def open_model(path: Path, architecture: str = "") -> Classifier:
    """A model from a file: one that Blindspot exported, or weights for an architecture of timm's.

    Raises:
        BadModel: the file is too large, cannot be read, or does not say which network it is for.
    """
    check_size(path)
    if has_card(path):
        return called_by_weights(read_model(path, OWN))
    if not architecture:
        raise BadModel(
            f"{path.name} holds weights alone: say for which timm architecture they are, such as "
            "resnet18, or give a file that Blindspot exported."
        )
    return load_from_file(path, architecture)


def open_alike(path: Path, model: Classifier) -> Classifier:
    """Another model of the same network: with a card, or weights alone by the same names.

    Raises:
        BadModel: the file is too large, cannot be read, or its weights do not fit the network.
    """
    check_size(path)
    if has_card(path):
        return called_by_weights(read_model(path, OWN))
    state = read_weights(path)
    check(model.network.state_dict(), state, f"{path.name} does not fit {model.title}")
    twin = model.twin(paced=False)
    twin.network.load_state_dict(state)
    twin.masks = {}
    return called_by_weights(twin)


def called_by_weights(model: Classifier) -> Classifier:
    """The model under a name and a title that tell nothing of its file."""
    digest = model.fingerprint[:6]
    model.name, model.title = f"{OWN}{digest}", f"Own weights {digest}"
    model.lineage = Lineage(model.title)
    return model


def check_size(path: Path) -> None:
    """Raise BadModel for a file that is larger than any model that is read here."""
    if path.is_file() and path.stat().st_size > LARGEST:
        raise BadModel(f"{path.name} is larger than {LARGEST // 2**20} MB.")


def check(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor], called: str) -> None:
    """Raise BadModel when names, shapes or kinds differ, or a weight is no finite number."""
    missing, unknown = wanted.keys() - state.keys(), state.keys() - wanted.keys()
    if missing or unknown:
        odd = min(missing or unknown)
        raise BadModel(
            f"{called}: {len(missing)} tensors are missing and {len(unknown)} are unknown, for "
            f"example {odd[:80]!r}. Is it another architecture?"
        )
    for name, tensor in wanted.items():
        given = state[name]
        if given.shape != tensor.shape:
            shapes = f"{words(given.shape)}, but {words(tensor.shape)} is needed"
            raise BadModel(f"{called}: {name} is {shapes}. Is it another architecture?")
        if given.is_floating_point() != tensor.is_floating_point():
            raise BadModel(f"{called}: {name} is {given.dtype}, but {tensor.dtype} is needed.")
        if given.dtype not in (*NUMBERS, tensor.dtype):  # torch compares no float8, for example
            raise BadModel(f"{called}: {name} is {given.dtype}: save it as {tensor.dtype}.")
        if not torch.isfinite(given).all():
            raise BadModel(f"{called}: {name} holds what is no finite number (NaN or infinity).")


def words(shape: Sequence[int]) -> str:
    """A shape as a person would write it."""
    return " × ".join(map(str, shape)) or "a single number"


def count_classes(architecture: str, state: Mapping[str, Tensor]) -> int | None:
    """How many classes the file's last layer has; None when it cannot be told."""
    config = timm.models.get_pretrained_cfg(architecture)
    heads: str | Iterable[str] = getattr(config, "classifier", None) or ()
    for head in (heads,) if isinstance(heads, str) else heads:
        weight = state.get(f"{head}.weight")
        if weight is not None and weight.ndim:
            return len(weight)
    return None


def read_labels(path: Path) -> tuple[str, ...]:
    """Class names: a JSON list, or one a line. One that comes again is numbered."""
    message = f"{path.name} is no list of labels: give one a line, or a JSON list."
    if path.is_file() and path.stat().st_size > MOST_LABELS:
        raise BadModel(f"{path.name} is larger than {MOST_LABELS // 2**20} MB: no labels are.")
    try:
        text = path.read_text(encoding="utf-8")
        listed = json.loads(text) if path.suffix.lower() == ".json" else text.splitlines()
    except (OSError, ValueError, RecursionError) as error:
        raise BadModel(message) from error
    if not isinstance(listed, list):
        raise BadModel(message)
    return tuple(distinct([name for one in listed if (name := str(one).strip())]))
