"""From a card and weights to a model, with all that can be wrong between the two.

A file is one .safetensors whose metadata is the card: there is no second file that could be
missing or belong to another model.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import timm
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as save_arrays
from torch import Tensor, nn

from engine.errors import BadModel
from engine.models.card import Card
from engine.models.classifier import Classifier
from engine.models.small import SMALL, Shape, build
from engine.result import Array, Checkpoint
from engine.store import DAMAGE

KEY = "blindspot"  # of the card in a file's metadata
TIMM = "timm:"
NUMBERS = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64)


def rebuilt(view: Checkpoint, name: str = "own") -> Classifier:
    """The model of a result's checkpoint. Raises BadModel when the card and weights do not fit."""
    card = Card.from_json(view.card)
    tensors = {key: torch.from_numpy(np.array(array)) for key, array in view.weights.items()}
    return assembled(card, tensors, name)


def assembled(card: Card, tensors: Mapping[str, Tensor], name: str) -> Classifier:
    """A model from its card and weights.

    Raises:
        BadModel: they do not fit together, or a weight is no number.
    """
    network = skeleton(card, {key: tuple(tensor.shape) for key, tensor in tensors.items()})
    for key, tensor in tensors.items():
        if tensor.dtype not in NUMBERS or not torch.isfinite(tensor).all():
            raise BadModel(f"{card.title}: the weights {key} hold what is no number.")
    network.load_state_dict({key: tensor.clone() for key, tensor in tensors.items()})
    return Classifier(
        network.float(), name, card.title, card.side, card.mean, card.std, card.labels,
        lineage=card.lineage, architecture=card.architecture,
    )  # fmt: skip


def skeleton(card: Card, shapes: Mapping[str, tuple[int, ...]]) -> nn.Module:
    """The card's network, once its weights are known to have the shapes that were found.

    It is built without memory first: a card that asks for a giant costs nothing.
    """
    try:
        with torch.device("meta"):
            wanted = {key: tuple(t.shape) for key, t in network_of(card).state_dict().items()}
    except (RuntimeError, ValueError, TypeError, AssertionError, NotImplementedError) as error:
        raise BadModel(f"{card.title}: {card.architecture} cannot be built: {error}.") from error
    if odd := sorted(wanted.keys() ^ shapes.keys()):
        message = f"{card.title}: the weights are not those of {card.architecture}: "
        raise BadModel(f"{message}{len(odd)} are missing or unknown, for example {odd[0][:80]!r}.")
    for key, shape in wanted.items():
        if shapes[key] != shape:
            message = f"{card.title}: {key} has the shape {shapes[key]}, but {card.architecture}"
            raise BadModel(f"{message} needs {shape}.")
    return network_of(card)


def network_of(card: Card) -> nn.Module:
    """An empty network. Raises BadModel for an architecture that is not known here."""
    classes = len(card.labels)
    if card.architecture in SMALL:
        return build(card.architecture, Shape(card.channels, card.side, classes))
    name = card.architecture.removeprefix(TIMM)
    if name == card.architecture or not timm.is_model(name):
        raise BadModel(f"{card.title}: no architecture is called {card.architecture!r} here.")
    return timm.create_model(name, pretrained=False, num_classes=classes)


def packed(card: Card, weights: Mapping[str, Array]) -> bytes:
    """The file of a model."""
    return save_arrays(dict(weights), metadata={KEY: card.as_json()})


def read_card(path: Path) -> Card:
    """The card of a file, without reading its weights. Raises BadModel."""
    try:
        with safe_open(path, framework="numpy") as held:
            said = held.metadata() or {}
    except (OSError, SafetensorError, *DAMAGE) as error:
        raise BadModel(f"{path.name} is no .safetensors file, or it is damaged.") from error
    if KEY not in said:
        raise BadModel(
            f"{path.name} was not exported from Blindspot: it holds weights but no card."
        )
    return Card.from_json(said[KEY])


def read_model(path: Path, name: str) -> Classifier:
    """The model of a file. Raises BadModel."""
    card = read_card(path)
    try:
        with safe_open(path, framework="pt") as held:
            tensors = {key: held.get_tensor(key) for key in held.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, *DAMAGE) as error:
        raise BadModel(f"{path.name} is damaged.") from error
    return assembled(card, tensors, name)
