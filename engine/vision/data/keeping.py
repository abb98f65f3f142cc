"""Arrays that take seconds to make are kept on disk under the digest of their recipe."""

import json
import logging
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from engine.core.keeping.claims import claimed
from engine.core.keeping.packing import DAMAGE
from engine.core.keeping.private import private_folder
from engine.core.keeping.store import PART, home, remove, touch, write_atomic

log = logging.getLogger(__name__)

DISK_BYTES = 1 * 2**30
CLAIMS = "claims"  # the folder, beside that of the arrays, of what is being computed
PACKED = "packed:"  # how the name of a mask kept as bits begins; its length stands after it

Arrays = dict[str, NDArray[Any]]


def stored_arrays(
    word: str,
    recipe: Mapping[str, Any],
    make: Callable[[], Arrays],
    beat: Callable[[], object] = bool,
) -> Arrays:
    """The arrays of a recipe: read when they are there whole, else made and written.

    Whoever wants arrays that another thread or process is making waits for those; `beat` is called
    again and again meanwhile, and may raise to end that.

    Trouble with the disk costs time, never the arrays.
    """
    path = path_of(word, recipe)
    if (result := read(path)) is not None:
        return result
    digest = path.stem.rsplit("-", maxsplit=1)[-1]
    with claimed(folder().resolve().with_name(CLAIMS), digest, beat=beat):
        if (result := read(path)) is not None:  # another process or visitor made it meanwhile
            return result
        arrays = make()
        try:
            private_folder(path.parent)
            write_atomic(path, packed(arrays))
            sweep(path.parent)
        except OSError as error:
            log.warning("%s not kept on disk: %s", path.name, error)
    return arrays


def path_of(word: str, recipe: Mapping[str, Any]) -> Path:
    """The file of a recipe's arrays, whether it is there or not."""
    encoded = json.dumps(recipe, sort_keys=True).encode()
    return folder() / f"{word}-{blake2b(encoded, digest_size=16).hexdigest()}.safetensors"


def folder() -> Path:
    return home() / "data"


def read(path: Path) -> Arrays | None:
    """The arrays of a file, or None when it is not there or damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    try:
        arrays = unpacked(data)
    except DAMAGE as error:
        log.warning("%s is damaged and will be made again: %s", path.name, error)
        remove(path)
        return None
    touch(path)
    return arrays


def packed(arrays: Arrays) -> bytes:
    """Bytes that begin with their own checksum; masks as bits."""
    flat: Arrays = {}
    for name, array in arrays.items():
        if array.dtype == np.bool_:
            flat[f"{PACKED}{array.shape[-1]}:{name}"] = np.packbits(array, axis=-1)
        else:
            flat[name] = np.ascontiguousarray(array)
    data = save(flat)
    return blake2b(data, digest_size=16).digest() + data


def unpacked(data: bytes) -> Arrays:
    """The arrays again; ValueError when the bytes are not those that were written."""
    if blake2b(data[16:], digest_size=16).digest() != data[:16]:
        raise ValueError("the arrays are not those that were written")
    arrays: Arrays = {}
    for name, array in load(data[16:]).items():
        if name.startswith(PACKED):
            length, plain_name = name.removeprefix(PACKED).split(":", 1)
            arrays[plain_name] = np.unpackbits(array, axis=-1, count=int(length)).view(np.bool_)
        else:
            arrays[name] = array
    return arrays


def sweep(folder: Path) -> None:
    """Let go of what was read longest ago until the folder fits."""
    entries = [(path, path.stat()) for path in folder.iterdir() if not path.name.startswith(PART)]
    entries.sort(key=lambda result: result[1].st_mtime, reverse=True)
    total = 0
    for path, facts in entries:
        total += facts.st_size
        if total > DISK_BYTES:
            remove(path)
