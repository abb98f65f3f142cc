"""A kept answer as a record in words and bytes of arrays, and back.

The record carries a checksum of both. No pickle: what is read back cannot run code.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from engine.core.keeping.names import hidden, in_strings, restore_names
from engine.core.result import KINDS, Array, Result, Table, View

ENTRY_BYTES = 4096  # what an entry weighs beside its arrays, so that small ones are counted too
DAMAGE = (ValueError, LookupError, TypeError, AttributeError, RecursionError, SafetensorError)

Record = dict[str, Any]


@dataclass(frozen=True)
class StoredAnswer:
    """A result and the record of how it was made."""

    result: Result
    record: Record

    @property
    def nbytes(self) -> int:
        """Bytes held, about."""
        return ENTRY_BYTES + sum(view.nbytes for view in self.result.values())


def pack(stored: StoredAnswer, names: Sequence[str] = ()) -> tuple[Record, bytes]:
    """An entry as a record and bytes, with none of these names in them."""
    arrays: dict[str, Array] = {}
    for name, view in stored.result.items():
        for field, array in view.arrays().items():
            key = hidden(names, f"{name}:{field}")
            if key in arrays:  # the colon parts name and field, and may be in either
                raise ValueError(f"two arrays would be called {key!r}")
            arrays[key] = array
    data = save_arrays(arrays)
    hide = partial(hidden, names)
    views = {
        hide(name): {
            "kind": type(view).__name__,
            "facts": {field: in_strings(fact, hide) for field, fact in view.facts().items()},
            "arrays": in_strings(list(view.arrays()), hide),
        }
        for name, view in stored.result.items()
    }
    record = {fact: in_strings(value, hide) for fact, value in stored.record.items()}
    header: Record = {"views": views, "record": record}
    return {"checksum": checksum(data, header), **header}, data


def unpack(record: Record, data: bytes, names: Sequence[str] = ()) -> StoredAnswer:
    """The entry again, with the reader's names; ValueError when it is not what was written.

    A file of arrays does not keep their order: the record does. An older entry has no order, so
    its arrays are sorted by name; its checksum is of its arrays alone.
    """
    words = {key: value for key, value in record.items() if key != "checksum"}
    if record["checksum"] not in {checksum(data, words), checksum(data)}:
        raise ValueError("it is not what was written")
    record = in_strings(words, partial(restore_names, names))
    arrays = {restore_names(names, name): array for name, array in load_arrays(data).items()}
    result = {}
    for name, view in record["views"].items():
        start = f"{name}:"
        stored_names = sorted(key.removeprefix(start) for key in arrays if key.startswith(start))
        view_arrays = {key: arrays[start + key] for key in view.get("arrays", stored_names)}
        result[name] = build(view["kind"], view_arrays, view["facts"])
    return StoredAnswer(result, record["record"])


def build(kind: str, arrays: Mapping[str, Array], facts: Mapping[str, Any]) -> View:
    """A view of its kind; tables were of two kinds in answers kept until November 2026."""
    if kind == "Table" and "values" in arrays:
        return Table.grid(arrays["values"], facts["rows"], facts["columns"], facts["units"])
    return KINDS["Table" if kind == "Columns" else kind].build(arrays, facts)


def checksum(data: bytes, words: Record | None = None) -> str:
    """A digest of bytes, and of a record beside them."""
    hasher = blake2b(data, digest_size=16)
    if words is not None:
        hasher.update(json.dumps(words).encode())
    return hasher.hexdigest()
