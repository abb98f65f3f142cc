"""The models made here, each in one file that is named by the model's fingerprint and class names.

A file appears whole or not at all, and is what is exported too.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from errno import EDQUOT, ENOSPC
from hashlib import blake2b
from pathlib import Path

from engine.errors import BadModel, BlindspotError
from engine.keeping.private import private_folder
from engine.keeping.store import home, remove, write_atomic
from engine.models.card import ModelCard, weights_of
from engine.models.class_names import with_labels, with_names, without_names
from engine.models.classifier import Classifier
from engine.models.rebuild import packed, read_card, read_model, rebuilt, with_card
from engine.result import Checkpoint

log = logging.getLogger(__name__)

PREFIX = "kept:"  # how the name of a model kept here begins
SUFFIX = ".safetensors"
NAME = 16  # letters of the digest in a name
LARGEST = 512 * 2**20  # bytes of a file that is brought in
DISK_BYTES = 20 * 2**30  # of all models together: nobody's are deleted to make room, so it is said


@dataclass(frozen=True)
class Stored:
    """A model that is kept here."""

    name: str  # how a link or the command line calls it
    card: ModelCard
    nbytes: int
    path: Path


def folder() -> Path:
    """Where the models made here are kept."""
    return home() / "models"


def named(fingerprint: str, labels: tuple[str, ...]) -> str:
    """The name of a model kept here: one set of weights may have other class names elsewhere."""
    text = f"{fingerprint}|{labels!r}"
    return PREFIX + blake2b(text.encode(), digest_size=NAME // 2).hexdigest()


def name_of(card: ModelCard) -> str:
    """The name under which `keep` keeps a model, whether it did or not."""
    return named(card.fingerprint, without_names(card).labels)


def keep(view: Checkpoint) -> Stored:
    """Keep a result's checkpoint among the models; one that is there already stays as it is.

    Names that a person gave to classes stay out of the file (`class_names`).

    Raises:
        BadModel: the checkpoint has no card, or its weights do not fit it.
        BlindspotError: the disk is full; nothing is left of it then.
    """
    return put(without_names(ModelCard.from_json(view.card)), rebuilt(view))


def put(card: ModelCard, model: Classifier) -> Stored:
    """Keep a model under its fingerprint and the class names of its card.

    Raises:
        BlindspotError: the disk is full, or there is no room among the models.
    """
    name = named(model.fingerprint, card.labels)
    path = path_of(name)
    if not path.is_file():
        said = asdict(card) | {"fingerprint": model.fingerprint}
        data = packed(ModelCard(**said), weights_of(model), model.masks)
        if held() + len(data) > DISK_BYTES:
            raise BlindspotError(
                f"{card.title} was not kept: the models here have {DISK_BYTES / 2**30:.0f} GB, the "
                "most that is kept. Delete one under Data and models, and try again."
            )
        try:
            private_folder(path.parent)
            write_atomic(path, data)
        except OSError as error:
            raise not_kept(card.title, len(data), error) from error
    return stored(name)


def held() -> int:
    """Bytes of all models that are kept here."""
    total = 0
    for path in folder().glob(f"*{SUFFIX}") if folder().is_dir() else ():
        with suppress(FileNotFoundError):  # deleted just now
            total += path.stat().st_size
    return total


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
    return Stored(name, with_labels(read_card(path)), path.stat().st_size, path)


def path_of(name: str) -> Path:
    """The file of a name. Raises BadModel for what is no name."""
    digest = name.removeprefix(PREFIX)
    if digest == name or len(digest) != NAME or set(digest) - set("0123456789abcdef"):
        raise BadModel(f"{name[:40]!r} is no name of a model made here.")
    return folder() / f"{digest}{SUFFIX}"


def load(name: str) -> Classifier:
    """A kept model with its lineage, and its class names where they can be had. Raises BadModel."""
    kept = stored(name)
    model = read_model(kept.path, name)
    model.labels = kept.card.labels
    return model


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


def export(name: str, *, names: bool = False) -> bytes:
    """The model as one .safetensors file. Raises BadModel when there is none.

    Args:
        name: of the model.
        names: whether the file has the names of classes that are left out of the kept one.
    """
    path = stored(name).path
    if not names:
        return path.read_bytes()
    return with_card(path, with_names(read_card(path)))


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
