"""Models made here: one safetensors file each, whose metadata is the card that rebuilds it.

The same file is kept in the person's folder, ships under assets/weights and is exported: there is
no second file that could be missing or belong to another model. It is named by the model's
fingerprint and appears whole or not at all.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from errno import EDQUOT, ENOSPC
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as save_arrays
from torch import Tensor, nn

from engine.errors import BadModel, BlindspotError
from engine.models.classifier import Classifier, Lineage
from engine.models.small import SMALL, Shape, build
from engine.result import Array, Checkpoint
from engine.store import DAMAGE, home, remove, write_atomic

log = logging.getLogger(__name__)

KEY = "blindspot"  # of the card in a file's metadata
PREFIX = "kept:"  # how the name of a model kept here begins
SUFFIX = ".safetensors"
TIMM = "timm:"
NAME = 16  # letters of the digest in a name
LARGEST = 512 * 2**20  # bytes of a file that is brought in
MOST_CLASSES = 10_000
LONGEST_SIDE = 1024
LONG = 120  # letters of a title or label
BUDGET = 200_000  # letters of a card
NUMBERS = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64)


@dataclass(frozen=True)
class Card:
    """What is known of a model beside its weights, and all that is needed to build it again."""

    title: str
    architecture: str  # a key of SMALL, or timm: and a name of timm's
    channels: int  # that carry something: 1 or 3
    side: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    labels: tuple[str, ...]
    data: str = ""  # the data set it was trained on, by name
    recipe: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    figures: Mapping[str, float] = field(default_factory=dict)
    parent: str = ""  # fingerprint
    made_by: str = ""  # family.name
    settings: Mapping[str, Any] = field(default_factory=dict)
    above: tuple[str, ...] = ()  # titles from the first model down to the parent
    fingerprint: str = ""  # of the model, as it was when it was kept

    @property
    def trail(self) -> str:
        """The way here in one line."""
        return self.lineage.trail

    @property
    def lineage(self) -> Lineage:
        """Where the model came from, as a Classifier has it."""
        return Lineage(
            self.title, self.parent, self.made_by, json.dumps(dict(self.settings)), self.above
        )

    def as_json(self) -> str:
        """The card in words."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Card:
        """The card again. Raises BadModel when it is none, or says what cannot be."""
        try:
            if len(text) > BUDGET:
                raise ValueError("too long")
            said = json.loads(text)
            known = {spec.name for spec in fields(cls)}
            given: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value
                for name, value in said.items()
                if name in known
            }
            card = cls(**given)
            check(card)
        except (*DAMAGE, OverflowError) as error:
            raise BadModel(f"The file's card is no card of a model made here: {error}.") from error
        return card


@dataclass(frozen=True)
class Stored:
    """A model that is kept here."""

    name: str  # how a link or the command line calls it
    card: Card
    nbytes: int
    path: Path


def check(card: Card) -> None:
    """Raise ValueError for what no card of ours says."""
    if not all(isinstance(row, tuple) for row in (card.mean, card.std, card.labels, card.above)):
        raise ValueError("labels, means and deviations are lists")
    words = [card.title, card.architecture, card.data, card.parent, card.made_by, card.fingerprint]
    for word in (*words, *card.labels, *card.above, *card.figures):
        if not isinstance(word, str) or len(word) > LONG or not word.isprintable():
            raise ValueError("a title or label is no plain text")
    numbers = [*card.mean, *card.std, *card.figures.values()]
    if not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers):
        raise ValueError("a figure is no number")
    if len(card.mean) != 3 or len(card.std) != 3 or min(card.std) <= 0:
        raise ValueError("it needs three means and three deviations above 0")
    whole = {"channels": card.channels, "side": card.side, "seed": card.seed}
    if odd := [name for name, value in whole.items() if type(value) is not int]:
        raise ValueError(f"its {odd[0]} is no whole number")
    if card.channels not in {1, 3} or not 8 <= card.side <= LONGEST_SIDE:
        raise ValueError(f"no network takes {card.channels} channels of side {card.side}")
    if not 1 <= len(card.labels) <= MOST_CLASSES:
        raise ValueError(f"it has {len(card.labels)} labels")
    if not all(isinstance(table, Mapping) for table in (card.recipe, card.settings, card.figures)):
        raise ValueError("a recipe is no table")


def card_of(
    model: Classifier,
    *,
    title: str = "",
    parent: Classifier | None = None,
    made_by: str = "",
    settings: Mapping[str, Any] | None = None,
    data: str = "",
    recipe: Mapping[str, Any] | None = None,
    seed: int = 0,
    figures: Mapping[str, float] | None = None,
) -> Card:
    """The card of a model; what is left out is as its own lineage has it.

    Raises:
        BadModel: its architecture is not one that can be built again.
    """
    if not model.architecture:
        raise BadModel(f"{model.title} cannot be kept: its architecture has no name here.")
    shape = getattr(model.network, "shape", None)
    above = model.lineage.above if parent is None else (*parent.lineage.above, parent.title)
    return Card(
        title=title or model.title,
        architecture=model.architecture,
        channels=shape.channels if isinstance(shape, Shape) else 3,
        side=model.side,
        mean=numbers(model.mean),
        std=numbers(model.std),
        labels=model.labels,
        data=data,
        recipe=recipe or {},
        seed=seed,
        figures=figures or {},
        parent=model.lineage.parent if parent is None else parent.fingerprint,
        made_by=made_by or model.lineage.made_by,
        settings=json.loads(model.lineage.settings) if settings is None else settings,
        above=above,
        fingerprint=model.fingerprint,
    )


def numbers(values: Tensor) -> tuple[float, ...]:
    """Means or deviations as plain numbers that give the same float32 again."""
    return tuple(float(str(np.float32(value))) for value in values.flatten().tolist())


def checkpoint(model: Classifier, card: Card) -> Checkpoint:
    """A model as a view of a result: what a method that trains, prunes or unlearns gives back."""
    settings = json.dumps(dict(card.settings))
    return Checkpoint(weights_of(model), card.parent, card.made_by, settings, card.as_json())


def weights_of(model: Classifier) -> dict[str, Array]:
    """A copy of the network's weights and buffers by name."""
    state = model.network.state_dict()
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in state.items()}


def rebuilt(view: Checkpoint, name: str = "") -> Classifier:
    """The model of a result's checkpoint. Raises BadModel when the card and weights do not fit."""
    card = Card.from_json(view.card)
    tensors = {key: torch.from_numpy(np.array(array)) for key, array in view.weights.items()}
    return assembled(card, tensors, name or PREFIX + short(card.fingerprint))


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


def folder() -> Path:
    """Where the models made here are kept."""
    return home() / "models"


def short(fingerprint: str) -> str:
    """The part of a fingerprint that a name has."""
    return blake2b(fingerprint.encode(), digest_size=NAME // 2).hexdigest()


def keep(view: Checkpoint) -> Stored:
    """Keep a result's checkpoint among the models; one that is there already stays as it is.

    Raises:
        BadModel: the checkpoint has no card, or its weights do not fit it.
        BlindspotError: the disk is full; nothing is left of it then.
    """
    model = rebuilt(view)
    return put(Card.from_json(view.card), model)


def put(card: Card, model: Classifier) -> Stored:
    """Keep a model under its own fingerprint. Raises BlindspotError when the disk is full."""
    name = PREFIX + short(model.fingerprint)
    path = path_of(name)
    if not path.is_file():
        said = asdict(card) | {"fingerprint": model.fingerprint}
        data = packed(Card(**said), weights_of(model))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, data)
        except OSError as error:
            raise not_kept(card.title, len(data), error) from error
    return stored(name)


def not_kept(title: str, size: int, error: OSError) -> BlindspotError:
    """What to say of a disk that does not take a model."""
    if error.errno in {ENOSPC, EDQUOT}:
        need = f"{size / 2**20:.1f} MB"
        return BlindspotError(
            f"{title} was not kept: the disk is full. Free {need} or delete a model, and try again."
        )
    return BlindspotError(f"{title} was not kept: {error.strerror or error}.")


def stored(name: str) -> Stored:
    """A model that is kept here. Raises BadModel when there is none of that name."""
    path = path_of(name)
    if not path.is_file():
        raise BadModel(f"There is no model {name[:40]!r} here: it was deleted, or made elsewhere.")
    return Stored(name, read_card(path), path.stat().st_size, path)


def path_of(name: str) -> Path:
    """The file of a name. Raises BadModel for what is no name."""
    digest = name.removeprefix(PREFIX)
    if digest == name or len(digest) != NAME or set(digest) - set("0123456789abcdef"):
        raise BadModel(f"{name[:40]!r} is no name of a model made here.")
    return folder() / f"{digest}{SUFFIX}"


def load(name: str) -> Classifier:
    """A kept model with its lineage. Raises BadModel."""
    model = stored(name)
    return read_model(model.path, name)


def listed() -> tuple[Stored, ...]:
    """Every model kept here, oldest first; files that cannot be read are left out and logged."""
    found: list[tuple[float, Stored]] = []
    for path in folder().glob(f"*{SUFFIX}") if folder().is_dir() else ():
        try:
            found.append((path.stat().st_mtime, stored(PREFIX + path.stem)))
        except (BadModel, OSError) as error:
            log.warning("%s is left out of the models: %s", path.name, error)
    return tuple(one for _, one in sorted(found, key=lambda pair: (pair[0], pair[1].name)))


def tree(models: Sequence[Stored]) -> tuple[tuple[int, Stored], ...]:
    """The models with their depth, children after their parent; a lost parent makes a root."""
    children: dict[str, list[Stored]] = {}
    known = {one.card.fingerprint for one in models}
    for one in models:
        children.setdefault(one.card.parent if one.card.parent in known else "", []).append(one)
    found: dict[str, tuple[int, Stored]] = {}
    for first in (*children.get("", []), *models):  # those last that a ring of parents hides
        waiting = [(0, first)]
        while waiting:
            depth, one = waiting.pop()
            if one.name not in found:
                found[one.name] = depth, one
                below = children.get(one.card.fingerprint, [])
                waiting += [(depth + 1, child) for child in reversed(below)]
    return tuple(found.values())


def delete(name: str) -> None:
    """Remove a model; its children stay and become roots. Raises BadModel when there is none."""
    remove(stored(name).path)


def export(name: str) -> bytes:
    """The model as one .safetensors file. Raises BadModel when there is none."""
    return stored(name).path.read_bytes()


def bring_in(path: Path) -> Stored:
    """Keep an exported model that came as a file.

    Raises:
        BadModel: the file is damaged, too large, has no card, or its parts do not fit together.
        BlindspotError: the disk is full.
    """
    if path.is_file() and os.path.getsize(path) > LARGEST:  # noqa: PTH202
        raise BadModel(f"{path.name} is larger than {LARGEST // 2**20} MB.")
    card = read_card(path)
    return put(card, read_model(path, PREFIX + "new"))
