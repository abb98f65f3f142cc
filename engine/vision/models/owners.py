"""Whom the models that are kept here belong to.

An owner has a secret of at least 128 bits. From it follows a view key for each model, which stands
in the links that the owner shares: whoever has the key may ask the model, and no more. Beside a
model lies a record with digests of both, so nothing on the disk opens a model.
"""

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from hmac import compare_digest
from pathlib import Path
from types import MappingProxyType

from engine.core.keeping.store import remove, write_atomic

log = logging.getLogger(__name__)

SECRET_BYTES = 16  # of an owner's secret, at least
KEY_LETTERS = 40  # of a view key: 160 bits
MACHINE = MappingProxyType({"": ""})  # owns what was kept without an owner: no secret opens it
LOCK = threading.RLock()  # held while a model is kept with its record, or given up


@dataclass(frozen=True)
class Owner:
    """Somebody who may export and delete what they made; known by a secret that is never kept."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) < SECRET_BYTES:
            raise ValueError(f"an owner's secret has at least {SECRET_BYTES} bytes")

    @cached_property
    def digest(self) -> str:
        """What a record has of the owner."""
        return blake2b(self.secret, digest_size=32, person=b"model owner").hexdigest()

    def view_key(self, name: str) -> str:
        """What a link needs to open the model of that name for others, as hexadecimal letters."""
        key = blake2b(self.secret, digest_size=32, person=b"view keys").digest()
        return blake2b(name.encode(), digest_size=KEY_LETTERS // 2, key=key).hexdigest()


@dataclass(frozen=True)
class OwnerRecord:
    """What is kept beside a model.

    Args:
        private: whether only its owners, and those with a view key, are shown the model.
        owners: for the digest of each owner that of their view key; of MACHINE's, both are empty.
    """

    private: bool
    owners: Mapping[str, str]

    def belongs_to(self, owner: Owner) -> bool:
        return any(equal(digest, owner.digest) for digest in self.owners)

    def opens_with(self, view_key: str) -> bool:
        """Whether an owner gave that view key."""
        digest = key_digest(view_key)
        return any(equal(known, digest) for known in self.owners.values())


NOBODYS = OwnerRecord(private=True, owners={})


def equal(digest: str, other: str) -> bool:
    """Whether two digests are equal, in a time that does not tell how far they agree."""
    return compare_digest(digest.encode(), other.encode())


def key_digest(view_key: str) -> str:
    """What a record has of a view key."""
    return blake2b(view_key.encode(), digest_size=32, person=b"view key").hexdigest()


def record_path(model: Path) -> Path:
    """Where the owners of a model's file stand."""
    return model.with_suffix(".owners.json")


def read_record(model: Path) -> OwnerRecord | None:
    """The record of a model's file; None where there is none. A damaged one opens it to nobody."""
    try:
        raw = json.loads(record_path(model).read_bytes())
        owners = {str(digest): str(view) for digest, view in raw["owners"].items()}
        return OwnerRecord(raw["private"] is not False, owners)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        log.warning("the owners of %s cannot be read: %s", model.name, error)
        return NOBODYS


def write_record(model: Path, record: OwnerRecord) -> None:
    """Write it, readable by this account alone. Raises OSError."""
    content = {"private": record.private, "owners": dict(record.owners)}
    write_atomic(record_path(model), json.dumps(content).encode())


def add_owner(model: Path, name: str, owner: Owner | None, *, private: bool) -> OwnerRecord | None:
    """Add an owner to the record of a model that is about to be kept, or is kept already.

    A model that is there without a record stays the machine's too, so that nobody who keeps an
    equal one can delete it.

    Args:
        model: its file.
        name: under which it is kept.
        owner: None for the machine.
        private: whether the model is; of one that was public it stays public.

    Returns:
        The record before, for `write_back`.

    Raises:
        OSError: the record cannot be written.
    """
    before = read_record(model)
    if before is None and owner is None:
        return None
    record = before or OwnerRecord(private, MACHINE if model.is_file() else {})
    view = {"": ""} if owner is None else {owner.digest: key_digest(owner.view_key(name))}
    write_record(
        model, replace(record, private=record.private and private, owners={**record.owners, **view})
    )
    return before


def write_back(model: Path, before: OwnerRecord | None) -> None:
    """The record as it was before a claim for a model that could not be kept."""
    if before is None:
        remove(record_path(model))
    else:
        write_record(model, before)


def release(model: Path, owner: Owner) -> bool:
    """Take an owner out of a model's record; whether it was the last, so that the file may go."""
    record = read_record(model) or NOBODYS
    rest = {digest: view for digest, view in record.owners.items() if digest != owner.digest}
    if not rest:
        return True
    write_record(model, replace(record, owners=rest))
    return False
