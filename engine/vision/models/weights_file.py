"""Named tensors from a file of one's own; code that it may hold is never run.

A foreign file's words are read in the reader process, from the first and last bytes of it alone
(`weights_table`); the tensors are then views of the bytes that are here already, so that nothing
is copied and no file is written.
"""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.core.errors import BadImage, BadModel
from engine.vision.images.reader import send_request
from engine.vision.models.weights_table import HEAD, SIZES, TAIL, ZIP, Table, table

SUFFIXES = (".safetensors", ".pt", ".pth")
LARGEST = 512 * 2**20  # bytes of a file that is read
ADVICE = "save the state_dict alone, best as .safetensors"
SHARED = 2  # times its own bytes that a file's tensors may take: two layers may share weights
LOCAL = 30  # bytes of a zip's local header, before a name and what else it has

with warnings.catch_warnings():  # torch says it once: nobody writes into these views
    warnings.simplefilter("ignore")
    torch.frombuffer(b"\0", dtype=torch.uint8)


def read_weights(content: bytes, called: str) -> dict[str, Tensor]:
    """Named tensors of a `.safetensors` or `.pt` file; code in it is never run.

    Args:
        content: of the file.
        called: the file, in messages; its suffix says how it is read.

    Returns:
        Views of the content, which must not be written into.

    Raises:
        BadModel: the file is no such file, is damaged, holds code, or no plain table of tensors.
    """
    suffix = PurePath(called).suffix.lower()
    if suffix not in SUFFIXES:
        raise BadModel(f"{called} is neither .safetensors nor .pt: those are what can be read.")
    form = "safetensors" if suffix == ".safetensors" else "state"
    return plainly(tensor_views(content, table_of(content, called, form), called))


def read_network(content: bytes, called: str) -> dict[str, Tensor]:
    """Named tensors of a network that was saved whole by `torch.save`, as views of the content.

    torchxrayvision publishes such files. None of the file's code is run, see `inert`.

    Raises:
        BadModel: the file is no such file, is damaged, or describes more than a network has.
    """
    return plainly(tensor_views(content, table_of(content, called, "network"), called))


def plainly(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by their names in the network, without what training on many devices puts before."""
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}


def bytes_of(path: Path) -> bytes:
    """A file of the command line's. Raises BadModel for none, or one too large to be a model."""
    if not path.is_file():
        raise BadModel(f"There is no file {path.name} here: check the path.")
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    check_size(content, path.name)
    return content


def check_size(content: bytes, called: str) -> None:
    """Raise BadModel for a file that is larger than any model that is read here."""
    if len(content) > LARGEST:
        raise BadModel(f"{called} is larger than {LARGEST // 2**20} MB.")


def table_of(content: bytes, called: str, form: str, *, ours: bool = False) -> Table:
    """Where the file has its tensors, and what else it says.

    Args:
        content: of the file.
        called: the file, in messages.
        form: as `weights_table.table` takes it.
        ours: whether it was written here, so that no reader is needed.

    Raises:
        BadModel: it is too large, or cannot be read.
    """
    check_size(content, called)
    head, tail = content[:HEAD], content[max(HEAD, len(content) - TAIL) :]
    if ours:
        return table(form, head, tail, len(content), called)
    words = {"ask": "weights", "form": form, "size": len(content)}
    ends = [np.frombuffer(end, np.uint8) for end in (head, tail)]
    try:
        reply, _ = send_request(called, words, ends, advice=ADVICE)
    except BadImage as error:
        raise BadModel(str(error)) from error.__cause__
    return reply


def tensor_views(content: bytes, said: Table, called: str) -> dict[str, Tensor]:
    """The tensors of a table. Raises BadModel where the bytes are not as it says."""
    storages: dict[tuple[int, str, int], Tensor] = {}
    results: dict[str, Tensor] = {}
    try:
        for name, kind, shape, stride, first, at, count, before in said["tensors"]:
            key = at, kind, count  # an empty storage begins where the next one does
            if key not in storages:
                storages[key] = storage(content, kind, at, count, before)
            results[name] = strided(storages[key], shape, stride, first)
    except (ValueError, RuntimeError, OverflowError) as error:
        message = f"{called} cannot be read as weights: it is damaged or empty."
        raise BadModel(message) from error
    if sum(result.nbytes for result in results.values()) > SHARED * len(content):
        raise BadModel(f"{called} says that its tensors share their numbers: save each by itself.")
    return results


def storage(content: bytes, kind: str, at: int, count: int, before: str) -> Tensor:
    """Elements that lie side by side (count,); a copy only where the file has them askew."""
    dtype, width = getattr(torch, kind), SIZES[kind]
    match before:
        case "member":
            header = content[at : at + LOCAL]
            if not header.startswith(ZIP):
                raise ValueError("no member of an archive")
            at += LOCAL + int.from_bytes(header[26:28], "little")
            at += int.from_bytes(header[28:30], "little")
        case "count":
            if int.from_bytes(content[at : at + 8], "little") not in {count, count * width}:
                raise ValueError("a storage of another length")
            at += 8
    if at + count * width > len(content):
        raise ValueError("a storage ends beyond the file")
    if not count:
        return torch.empty(0, dtype=dtype)
    if at % width:
        return torch.frombuffer(bytearray(content[at : at + count * width]), dtype=dtype)
    return torch.frombuffer(content, dtype=dtype, count=count, offset=at)


def strided(flat: Tensor, shape: Sequence[int], stride: Sequence[int], first: int) -> Tensor:
    """A view of elements (count,) in another shape."""
    if 0 in shape:
        return flat[:0].reshape(tuple(shape))
    strided_view: Any = flat.as_strided(tuple(shape), tuple(stride), first)
    view: Tensor = strided_view
    return view
