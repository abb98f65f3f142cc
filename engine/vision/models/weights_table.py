"""Where a file of weights has its tensors, from its words alone: no number of it is looked at.

This runs in the reader for every foreign file, and without torch: what a pickle names is replaced
by holders that do nothing, so that none of its code is run, whatever it asks for. The server then
takes views of the bytes that it has (`weights_file`).

Formats: safetensors (8 bytes of length, JSON, bytes), and torch's two, as `torch/serialization.py`
reads them: an uncompressed zip of `data.pkl` and one member a storage, and, before 1.6, five
pickles in a row with the storages behind them.
"""

import io
import pickle
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from engine.core.errors import BadModel
from engine.vision.foreign_text import read_json
from engine.vision.models.inert import Code, OddTensor, Storage, TensorPlace, Unpickler

MOST_WORDS = 2 * 2**20  # bytes that describe the tensors; a network of a thousand has 200 000
MOST_MEMBERS = 20_000  # of a .pt file, one a tensor
HEAD = MOST_WORDS + 2**16  # bytes at the start of a file among which its words stand
TAIL = 4 * 2**20  # and at the end, where a zip has its table of contents
ZIP = b"PK\x03\x04"
DATA = "data.pkl"
SCRIPT = "constants.pkl"  # in an archive of TorchScript, which is code
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # with which torch's format before 1.6 begins
DEEPEST = 20  # parts within parts
SIZES = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "float8_e4m3fn": 1, "float8_e5m2": 1,
    "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint64": 8, "uint32": 4, "uint16": 2,
    "uint8": 1, "bool": 1,
}  # fmt: skip
SAFE = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8",
    "BOOL": "bool",
}  # fmt: skip

WIDTHS = {**SIZES, "complex64": 8, "complex128": 16, "bytes": 1}  # of an element of a storage

Table = dict[str, Any]  # "tensors": rows; "metadata": of a safetensors file
Row = tuple[str, str, list[int], list[int], int, int, int, str]
"""Of a tensor: name, kind, shape, strides, and its first element in its storage; of the storage:
where it lies in the file, how many elements it has, and what stands before it (see `BEFORE`)."""
BEFORE = ("nothing", "member", "count")  # bytes, a zip's local header, or 8 bytes of its length


def table(form: str, head: bytes, tail: bytes, size: int, called: str) -> Table:
    """What a file of weights holds, and where.

    Args:
        form: "safetensors"; "state" for torch's table of tensors; "network" for one saved whole.
        head, tail: the first HEAD bytes of the file, and its last TAIL beyond those.
        size: of the file, in bytes.
        called: the file, in messages.

    Raises:
        BadModel: it is damaged, describes too much, holds code, or no plain table of tensors.
    """
    try:
        if form == "safetensors":
            return safe_table(head, size, called)
        strict = form == "state"
        if head.startswith(ZIP):
            holds, where = archive_table(EndsOfFile(head, tail, size), called, strict=strict)
        else:
            holds, where = legacy_table(head, size, called, strict=strict)
        places = state_of(holds, called) if strict else network_tensors(holds)
        rows = [tensor_row(name, place, where, called) for name, place in places.items()]
    except BadModel:
        raise
    except Code as error:
        if form == "network":
            raise BadModel(damaged(called, form)) from error
        raise BadModel(
            f"{called} holds more than weights (pickled code), so it was not opened. "
            "Save the state_dict alone, best as .safetensors."
        ) from error
    except Hole as error:
        raise BadModel(too_much(called)) from error
    except Exception as error:  # a damaged or hostile file can raise anything
        raise BadModel(damaged(called, form)) from error
    return {"tensors": rows}


def damaged(called: str, form: str) -> str:
    """The sentence for a file that is no such file, or not whole."""
    if form == "network":
        return f"{called} cannot be read as a network: it is damaged, or another kind of file."
    return f"{called} cannot be read as weights: it is damaged or empty."


def too_much(called: str) -> str:
    """The sentence for a file of more words than weights."""
    return (
        f"{called} describes more tensors than a network has: save the state_dict alone, best "
        "as .safetensors."
    )


# ---------------------------------------------------------------- safetensors


def safe_table(head: bytes, size: int, called: str) -> Table:
    """The table of a .safetensors file, whose tensors lie side by side up to its end."""
    length = int.from_bytes(head[:8], "little")
    if MOST_WORDS < length < size:
        raise BadModel(too_much(called))
    if len(head) < 8 + length or head[8:9] != b"{":
        raise ValueError("no header")
    json = read_json(head[8 : 8 + length], MOST_WORDS)
    metadata = json.pop("__metadata__", {})
    if not all(isinstance(word, str) for pair in metadata.items() for word in pair):
        raise ValueError("metadata are words")
    at, rows = 0, []
    for name, about in sorted(json.items(), key=lambda pair: pair[1]["data_offsets"]):
        start, end = about["data_offsets"]
        shape = whole_numbers(about["shape"])
        kind = SAFE.get(about["dtype"])
        if kind is None:
            raise BadModel(odd(called, name))
        if start != at or end - start != prod(shape) * SIZES[kind]:
            raise ValueError("its offsets do not fit")
        rows.append(
            (name, kind, shape, contiguous(shape), 0, 8 + length + start, prod(shape), "nothing")
        )
        at = end
    if 8 + length + at != size:
        raise ValueError("it ends elsewhere")
    return {"tensors": rows, "metadata": metadata}


def contiguous(shape: list[int]) -> list[int]:
    """The strides of a tensor whose elements lie side by side."""
    return [prod(shape[at + 1 :]) for at in range(len(shape))]


def whole_numbers(values: Any) -> list[int]:
    """Sizes as they are given. Raises ValueError for anything else."""
    results = list(values)
    # type, not isinstance: True is an int
    if len(results) > DEEPEST or not all(
        type(result) is int and 0 <= result < 2**62 for result in results
    ):
        raise ValueError("no sizes")
    return results


# ---------------------------------------------------------------- torch's formats


class Hole(Exception):
    """Bytes were wanted that are neither at the start nor at the end of a file."""


class EndsOfFile(io.RawIOBase):
    """A file of which the two ends are here and the middle is not."""

    def __init__(self, head: bytes, tail: bytes, size: int) -> None:
        super().__init__()
        self.head, self.tail, self.size, self.at = head, tail, size, 0

    def readable(self) -> bool:
        return True

    seekable = readable

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = max(0, offset + (0, self.at, self.size)[whence])
        return self.at

    def readinto(self, room: Any) -> int:
        """As any file. Raises Hole in the middle."""
        begin = self.size - len(self.tail)
        if len(self.head) <= self.at < begin:
            raise Hole
        part, at = (self.head, self.at) if self.at < begin else (self.tail, self.at - begin)
        data = part[at : at + len(room)]
        room[: len(data)] = data
        self.at += len(data)
        return len(data)


Where = dict[str, tuple[int, str]]  # by key of a storage: where it lies, and what stands before it


def archive_table(file: EndsOfFile, called: str, *, strict: bool) -> tuple[Any, Where]:
    """What a .pt file of today's format holds, with places instead of tensors."""
    with ZipFile(io.BufferedReader(file)) as archive:
        members = archive.infolist()
        check_archive(members, file.size, called)
        if any(member.filename.endswith(SCRIPT) for member in members):
            raise Code("TorchScript")
        (data,) = (member for member in members if member.filename.rpartition("/")[2] == DATA)
        start = data.filename.removesuffix(DATA)
        order = start + "byteorder"
        if order in archive.NameToInfo and archive.read(order) != b"little":
            raise ValueError("the bytes are in another order")
        unpickler = Unpickler(io.BytesIO(archive.read(data)), strict=strict)
        holds = unpickler.load()
    inside = {member.filename.removeprefix(f"{start}data/"): member for member in members}
    where: Where = {}
    for key, storage in unpickler.storages.items():
        if storage.count * WIDTHS[storage.kind] > inside[key].file_size:
            raise ValueError("a storage is shorter than it says")
        where[key] = inside[key].header_offset, "member"
    return holds, where


def check_archive(members: list[ZipInfo], size: int, called: str) -> None:
    """Raise BadModel for a .pt file that unpacks to more than it has, or describes too much."""
    if any(member.compress_type != ZIP_STORED for member in members):
        raise BadModel(f"{called} is packed, as torch never saves weights: save it again.")
    words = sum(member.file_size for member in members if member.filename.endswith(DATA))
    if (
        words > MOST_WORDS
        or len(members) > MOST_MEMBERS
        # members lie uncompressed: only overlapping ones add up to more than the file
        or sum(member.file_size for member in members) > size
    ):
        raise BadModel(too_much(called))


def legacy_table(head: bytes, size: int, called: str, *, strict: bool) -> tuple[Any, Where]:
    """What a .pt file of the format before 1.6 holds, with places instead of tensors."""
    file = io.BytesIO(head)
    unpickler = Unpickler(file, strict=strict)
    try:
        magic, protocol, system = (Unpickler(file, strict=True).load() for _ in range(3))
        if (magic, protocol) != (MAGIC, PROTOCOL) or not system.get("little_endian", True):
            raise ValueError("it does not begin as such a file")
        holds = unpickler.load()
        keys = Unpickler(file, strict=True).load()
    except (EOFError, pickle.UnpicklingError) as error:
        if size > len(head):
            raise BadModel(too_much(called)) from error
        raise
    at, where = file.tell(), {}
    for key in dict.fromkeys(map(str, keys)):
        storage = unpickler.storages[key]
        where[key] = at, "count"
        at += 8 + storage.count * WIDTHS[storage.kind]
    if at > size:
        raise ValueError("it ends too early")
    return holds, where


def state_of(holds: Any, called: str) -> dict[str, TensorPlace]:
    """The tensors of a state_dict by name. Raises BadModel for anything else."""
    for wrapper in ("state_dict", "model"):
        if isinstance(holds, Mapping) and isinstance(holds.get(wrapper), Mapping):
            holds = holds[wrapper]
    if not isinstance(holds, Mapping) or not all(
        isinstance(name, str) and isinstance(value, TensorPlace | OddTensor)
        for name, value in holds.items()
    ):
        raise BadModel(f"{called} holds no plain table of weights (a state_dict).")
    for name, value in holds.items():
        if isinstance(value, OddTensor):
            raise BadModel(odd(called, name))
    return dict(holds)


def network_tensors(holds: Any) -> dict[str, TensorPlace]:
    """The tensors of a network that was saved whole. Raises ValueError where there are none."""
    results = dict(tensor_places(holds))
    if not 0 < len(results) <= MOST_MEMBERS:
        raise ValueError("no network")
    return results


def tensor_places(part: Any, inside: str = "", depth: int = 0) -> Iterator[tuple[str, TensorPlace]]:
    """Names and tensors of a part of a network and of the parts in it."""
    state = getattr(part, "state", None)
    if not isinstance(state, Mapping) or depth > DEEPEST:
        return
    for kind in ("_parameters", "_buffers"):
        inner = state.get(kind)
        for name, tensor in inner.items() if isinstance(inner, Mapping) else ():
            if isinstance(tensor, OddTensor):
                raise ValueError("no plain array")  # noqa: TRY004
            if isinstance(tensor, TensorPlace):
                yield f"{inside}{name}", tensor
    inner = state.get("_modules")
    for name, child in inner.items() if isinstance(inner, Mapping) else ():
        yield from tensor_places(child, f"{inside}{name}.", depth + 1)


def tensor_row(name: str, place: TensorPlace, where: Where, called: str) -> Row:
    """A tensor of torch's formats as a row.

    Raises:
        BadModel: it is complex, or says to be larger than the storage that it lies in.
        ValueError: it lies beyond its storage.
    """
    storage: Storage = place.storage
    shape, stride = whole_numbers(place.shape), whole_numbers(place.stride)
    (first,) = whole_numbers([place.first])
    # strides of 0 let a few bytes stand for a tensor of any size
    if storage.kind not in SIZES or prod(shape) > storage.count:
        raise BadModel(odd(called, name))
    # no stride is negative here, so this element lies furthest
    last = first + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
    if prod(shape) and last >= storage.count:
        raise ValueError("a tensor reaches beyond its storage")
    at, before = where[storage.key]
    return name, storage.kind, shape, stride, first, at, storage.count, before


def odd(called: str, name: str) -> str:
    """The sentence for a tensor of another sort."""
    return f"{called}: {name[:80]!r} is no plain array of real numbers."
