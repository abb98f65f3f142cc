"""The models made here, each in one file that is named by the model's fingerprint and class names.

A file appears whole or not at all, and is what is exported too. A model is private when it learned
from a person's file, was made from such a model, or came as a file: see `owners`.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from errno import EDQUOT, ENOSPC
from hashlib import blake2b
from pathlib import Path

from engine.core.errors import BadModel, BlindspotError
from engine.core.keeping import access
from engine.core.keeping.private import close_to_others, private_folder
from engine.core.keeping.store import home, remove, write_atomic
from engine.core.result import Checkpoint
from engine.vision.data.registry import UPLOAD
from engine.vision.models import owners
from engine.vision.models.card import ModelCard, weights_of
from engine.vision.models.class_names import with_labels, with_names, without_names
from engine.vision.models.classifier import Classifier
from engine.vision.models.owners import Owner, OwnerRecord
from engine.vision.models.rebuild import (
    card_at,
    model_bytes,
    read_card,
    read_model,
    rebuilt,
    with_card,
)

log = logging.getLogger(__name__)

PREFIX = "kept:"  # how the name of a model kept here begins
SUFFIX = ".safetensors"
NAME = 16  # letters of the digest in a name
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


def checkpoint_name(fingerprint: str, labels: tuple[str, ...], *words: str) -> str:
    """The name of a model kept here: one set of weights may have other class names elsewhere."""
    text = "|".join([fingerprint, repr(labels), *words])
    return PREFIX + blake2b(text.encode(), digest_size=NAME // 2).hexdigest()


def names_of(card: ModelCard) -> tuple[str, str]:
    """The names that a model with this card may have here: see `free_name`."""
    usual_name = checkpoint_name(card.fingerprint, card.labels)
    return usual_name, checkpoint_name(card.fingerprint, card.labels, card.as_json())


def free_name(card: ModelCard, owner: Owner | None) -> str:
    """The name under which an owner keeps a model.

    Equal models are one file, which says what its first owner calls the model. So where another
    owner's private model has the same weights and classes and any other word on its card, this one
    gets a file of its own.
    """
    usual_name, private_name = names_of(card)
    path = path_of(usual_name)
    if owner is None or not path.is_file():
        return usual_name
    record = owners.read_record(path)
    if record is not None and record.belongs_to(owner):
        return usual_name
    existing = Stored(usual_name, card_at(path), 0, path)
    return private_name if is_private(existing) and existing.card != card else usual_name


def keep(view: Checkpoint, owner: Owner | None = None, *, private: bool = False) -> Stored:
    """Keep a result's checkpoint among the models; one that is there already stays as it is.

    Args:
        view: the checkpoint.
        owner: whose it is from now on; None for the machine's.
        private: whether the model is private, whatever its card says.

    Raises:
        BadModel: the checkpoint has no card, or its weights do not fit it.
        BlindspotError: the disk is full; nothing is left of it then.
    """
    card = without_names(ModelCard.from_json(view.card))
    return put(card, rebuilt(view), owner, private=private)


def put(
    card: ModelCard, model: Classifier, owner: Owner | None = None, *, private: bool = False
) -> Stored:
    """Keep a model under its fingerprint and the class names of its card, with whose it is.

    Raises:
        BlindspotError: the disk is full, or there is no room among the models.
    """
    card = ModelCard(**asdict(card) | {"fingerprint": model.fingerprint})
    with owners.LOCK:
        name = free_name(card, owner)
        path = path_of(name)
        exists = path.is_file()
        data = b"" if exists else model_bytes(card, weights_of(model), model.masks)
        if data and kept_bytes() + len(data) > DISK_BYTES:
            raise BlindspotError(
                f"{card.title} was not kept: the models here have {DISK_BYTES / 2**30:.0f} GB, the "
                "most that is kept. Delete one under Data and models, and try again."
            )
        try:
            close_to_others(private_folder(path.parent))
            if not exists:
                remove(owners.record_path(path))  # of a model that was removed by hand
            private = is_private(Stored(name, card, 0, path)) or (private and not exists)
            previous_record = owners.add_owner(path, name, owner, private=private)
            if not exists:
                write_with_record(path, data, previous_record)
        except OSError as error:
            raise not_kept(card.title, len(data), error) from error
    return stored_with_classes(stored_at(name, path))


def write_with_record(path: Path, data: bytes, before: OwnerRecord | None) -> None:
    """Write a model's file; its record is as before where that fails. Raises OSError."""
    try:
        write_atomic(path, data)
    except OSError:
        owners.write_back(path, before)
        raise


def kept_bytes() -> int:
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
    """A model that is kept here.

    Raises:
        BadModel: there is none of that name, or none that may be looked at.
    """
    path = path_of(name)
    if path.is_file():
        model = stored_at(name, path)
        if may_look(model):
            return stored_with_classes(model)
    raise BadModel(f"There is no model {name[:40]!r} here: it was deleted, or made elsewhere.")


def stored_at(name: str, path: Path) -> Stored:
    """A model whose file was written here, with its card. Raises BadModel."""
    return Stored(name, card_at(path), path.stat().st_size, path)


def stored_with_classes(model: Stored) -> Stored:
    """A model with the names of its classes, where they can be had."""
    return replace(model, card=with_labels(model.card))


def path_of(name: str) -> Path:
    """The file of a name. Raises BadModel for what is no name."""
    digest = name.removeprefix(PREFIX)
    if digest == name or len(digest) != NAME or set(digest) - set("0123456789abcdef"):
        raise BadModel(f"{name[:40]!r} is no name of a model made here.")
    return folder() / f"{digest}{SUFFIX}"


def load(name: str) -> Classifier:
    """A kept model with its lineage, and its class names where they can be had. Raises BadModel."""
    checkpoint = stored(name)
    model = read_model(checkpoint.path.read_bytes(), checkpoint.path.name, name, ours=True)
    model.labels = checkpoint.card.labels
    return model


def visible_models() -> tuple[Stored, ...]:
    """Every model kept here that may be looked at, oldest first."""
    models = every()
    return tuple(stored_with_classes(model) for model in models if may_look(model, models))


def every() -> tuple[Stored, ...]:
    """Every model, whosever it is; files that cannot be read are left out and logged."""
    results: list[tuple[float, Stored]] = []
    for path in folder().glob(f"*{SUFFIX}") if folder().is_dir() else ():
        try:
            facts, name = path.stat(), PREFIX + path.stem
            results.append((facts.st_mtime, Stored(name, card_at(path), facts.st_size, path)))
        except (BadModel, OSError) as error:
            log.warning("%s is left out of the models: %s", path.name, error)
    return tuple(
        checkpoint for _, checkpoint in sorted(results, key=lambda pair: (pair[0], pair[1].name))
    )


def tree(models: Sequence[Stored]) -> tuple[tuple[int, Stored], ...]:
    """The models with their depth, children after their parent; a lost parent makes a root."""
    children: dict[str, list[Stored]] = {}
    fingerprints = {model.card.fingerprint for model in models}
    for model in models:
        children.setdefault(
            model.card.parent if model.card.parent in fingerprints else "", []
        ).append(model)
    results: dict[str, tuple[int, Stored]] = {}
    for first in (*children.get("", []), *models):  # those last that a ring of parents hides
        waiting = [(0, first)]
        while waiting:
            depth, model = waiting.pop()
            if model.name not in results:
                results[model.name] = depth, model
                child_models = children.get(model.card.fingerprint, [])
                waiting += [(depth + 1, child) for child in reversed(child_models)]
    return tuple(results.values())


# ---------------------------------------------------------------- whose they are


def is_private(
    model: Stored, models: Sequence[Stored] | None = None, below: frozenset[str] = frozenset()
) -> bool:
    """Whether a model is shown to its owners and their guests alone.

    Args:
        model: what is asked about.
        models: every model that is kept, where that is in hand.
        below: fingerprints of what was made from it, where its lineage is followed.
    """
    if model.card.data.startswith(UPLOAD):
        return True
    if (record := owners.read_record(model.path)) is not None:
        return record.private
    parent = model.card.parent
    # in below: cards may name each other in a ring
    if not parent or parent in below or parent in shipped_fingerprints():
        return False
    everyone = every() if models is None else models
    holders = [checkpoint for checkpoint in everyone if checkpoint.card.fingerprint == parent]
    below_parent = below | {parent}
    return bool(holders) and all(is_private(holder, everyone, below_parent) for holder in holders)


def shipped_fingerprints() -> frozenset[str]:
    """The fingerprints of the models that ship, which anybody may copy."""
    from engine.vision.models import embedded  # here, because it lists its models as these

    return frozenset(checkpoint.card.fingerprint for checkpoint in embedded.stored())


def may_look(model: Stored, models: Sequence[Stored] | None = None) -> bool:
    """Whether whoever asks may look at a model."""
    rights = access.current()
    if rights is None or not is_private(model, models):
        return True
    return rights.model(owners.read_record(model.path) or owners.NOBODYS)


def belongs(name: str, owner: Owner) -> bool:
    """Whether a model is an owner's. Raises BadModel for what is no name."""
    record = owners.read_record(path_of(name))
    return record is not None and record.belongs_to(owner)


def may_copy(fingerprint: str, owner: Owner) -> bool:
    """Whether an owner may keep or take away what is made from the model of that fingerprint.

    Whoever was only shown a private model may not: a copy that is hardly changed is that model.
    """
    models = every()
    holders = [model for model in models if model.card.fingerprint == fingerprint]
    return (
        not holders
        or fingerprint in shipped_fingerprints()
        or any(not is_private(holder, models) or belongs(holder.name, owner) for holder in holders)
    )


def opened_by(view_keys: Sequence[str]) -> list[str]:
    """Those of the keys that open some model here."""
    models = every()
    return [key for key in view_keys if any(keys_of(model, [key]) for model in models)]


def keys_of(model: Stored, view_keys: Sequence[str]) -> list[str]:
    """Those of the keys that open a model."""
    record = owners.read_record(model.path) or owners.NOBODYS
    return [key for key in view_keys if record.opens_with(key)]


def delete(name: str, owner: Owner | None = None) -> bool:
    """Remove a model; its children stay and become roots.

    Args:
        name: of the model.
        owner: who asks for it: the model is removed with the last of its owners. None for
            whoever works on the machine itself.

    Returns:
        Whether it was removed.

    Raises:
        BadModel: there is none, or it is not that owner's.
        BlindspotError: the record cannot be written.
    """
    with owners.LOCK:
        path = stored(name).path
        try:
            if owner is not None:
                check_owner(name, owner, "delete")
                if not owners.release(path, owner):
                    return False
        except OSError as error:
            raise BlindspotError(f"It was not deleted: {error.strerror or error}.") from error
        remove(path)
        remove(owners.record_path(path))
    return True


def export(name: str, owner: Owner | None = None, *, names: bool = False) -> bytes:
    """The model as one .safetensors file.

    Args:
        name: of the model.
        names: whether the file has the names of classes that are left out of the kept one.
        owner: who asks for it: a private model is given to its owners only. None for whoever
            works on the machine itself.

    Raises:
        BadModel: there is none, or it is not that owner's.
    """
    model = stored(name)
    if owner is not None and is_private(model):
        check_owner(name, owner, "export")
    content = model.path.read_bytes()
    if not names:
        return content
    return with_card(content, model.path.name, with_names(card_at(model.path)))


def check_owner(name: str, owner: Owner, what: str) -> None:
    """Raise BadModel where a model is not an owner's."""
    if not belongs(name, owner):
        raise BadModel(f"This model is not yours: only its owner can {what} it.")


def bring_in(content: bytes, called: str, owner: Owner | None = None) -> Stored:
    """Keep an exported model that came as a file; with an owner it is private.

    Args:
        content: of the file.
        called: the file, in messages.

    Raises:
        BadModel: the file is damaged, too large, has no card, or its parts do not fit together.
        BlindspotError: the disk is full.
    """
    card = read_card(content, called)
    model = read_model(content, called, PREFIX + "new")
    return put(card, model, owner, private=owner is not None)
