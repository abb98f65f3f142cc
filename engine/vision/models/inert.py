"""Unpickling that runs nothing: places instead of tensors, holders instead of all else.

A pickle of torch's names functions that build tensors and the storages that they lie in. Each is
replaced by a record of what it was given; whatever else it names, by a holder that does nothing.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "UntypedStorage": "bytes",
}
HARMLESS = {  # names that a plain table of weights may have beside its tensors
    ("torch", "device"),
    ("torch", "Tensor"),
    ("torch.nn.parameter", "Parameter"),
    ("collections", "Counter"),
    ("collections", "defaultdict"),
    ("builtins", "set"),
    ("builtins", "dict"),
    ("_codecs", "encode"),
    ("torch.serialization", "_get_layout"),
    ("builtins", "bytearray"),
}


class Code(Exception):
    """A pickle names a class or function that is not sure."""


class Inert:
    """Stands for whatever a file names; it keeps what it is given and does nothing."""

    def __new__(cls, *_given: Any, **_named: Any) -> Inert:
        """Another holder, whatever it is called with."""
        return super().__new__(cls)

    def __call__(self, *_given: Any, **_named: Any) -> Inert:
        """Itself, whatever it is called with."""
        return self

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, _key: Any, _value: Any) -> None:
        """Nothing."""

    def append(self, _value: Any) -> None:
        """Nothing."""

    extend = add = append


class Settled:
    """Nothing of it is changed by a pickle, which may otherwise set any attribute."""

    def __setstate__(self, _state: Any) -> None:
        raise Code("a pickle changes what builds tensors")


@dataclass(frozen=True)
class Kind(Settled):
    """A kind of number, or of the storage of such numbers."""

    name: str


@dataclass(frozen=True)
class Storage(Settled):
    """Numbers that lie side by side in a file."""

    key: str
    kind: str
    count: int


@dataclass(frozen=True)
class TensorPlace(Settled):
    """Where a tensor lies: its first element in a storage, its shape and its strides."""

    storage: Storage
    first: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True)
class OddTensor(Settled):
    """A tensor that is no array of numbers that lie in a storage: sparse, quantized …"""


class Builder(Settled):
    """In place of torch's own functions that build tensors."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *given: Any) -> Any:
        """The place of the tensor that torch would build."""
        match self.name, given:
            case (("_rebuild_tensor_v2" | "_rebuild_tensor"), (storage, first, shape, stride, *_)):
                return tensor_place(storage, first, shape, stride)
            case "_rebuild_tensor_v3", (storage, first, shape, stride, _, _, Kind(), *_):
                return OddTensor() if storage.kind != "bytes" else retyped(given)
            case (("_rebuild_parameter" | "_rebuild_parameter_with_state"), (data, *_)):
                return data
            case "_rebuild_from_type_v2", (Builder() as build, _, tuple() as inner, *_):
                return build(*inner)
        return OddTensor()


def tensor_place(storage: Any, first: Any, shape: Any, stride: Any) -> TensorPlace | OddTensor:
    """Where a tensor lies. Raises TypeError for what cannot be."""
    if not isinstance(storage, Storage):
        raise TypeError("no storage")
    return TensorPlace(storage, first, tuple(shape), tuple(stride))


def retyped(arguments: tuple[Any, ...]) -> TensorPlace | OddTensor:
    """A tensor of a kind that has no storage of its own: its storage is counted in bytes."""
    storage, first, shape, stride, kind = *arguments[:4], arguments[6]
    if kind.name not in NARROW:
        return OddTensor()
    width = NARROW[kind.name]
    typed = Storage(storage.key, kind.name, storage.count // width)
    return tensor_place(typed, first, shape, stride)


NARROW = {"float8_e4m3fn": 1, "float8_e5m2": 1, "uint16": 2, "uint32": 4, "uint64": 8}
KINDS = {*STORAGES.values(), *NARROW, "float", "double", "half", "long"}


class Unpickler(pickle.Unpickler):
    """Finds nothing but what a tensor is made of.

    Args:
        file: the pickle.
        strict: whether any other name is refused, or stands as a holder.
    """

    def __init__(self, file: Any, *, strict: bool) -> None:
        super().__init__(file, encoding="utf-8", errors="replace")
        self.strict = strict
        self.storages: dict[str, Storage] = {}  # by key

    def find_class(self, module: str, name: str) -> Any:
        """One of a few that are sure, or a holder. Raises Code in a table of weights."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch", "Size"):
            return tuple
        if module in {"torch", "torch.cuda", "torch.storage"} and name in STORAGES:
            return Kind(STORAGES[name])
        if module == "torch" and name in KINDS:
            return Kind(name)
        if module in {"torch._utils", "torch._tensor"} and name.startswith("_rebuild_"):
            return Builder(name)
        if self.strict and (module, name) not in HARMLESS:
            raise Code(f"{module}.{name}")
        return Inert

    def persistent_load(self, reference: Any) -> Any:
        """A storage, or what stands for the class of a part of a network (before torch 1.6)."""
        what, kind, *rest = reference
        if what == "module" and not self.strict:
            return kind
        if what != "storage":
            raise Code(str(what))
        key, _, count, *view = rest
        if view and view[0] is not None:
            raise ValueError("views of storages were written by torch before 0.4 alone")
        storage = Storage(str(key), kind.name, int(count))
        if not 0 <= storage.count < 2**62 or self.storages.get(storage.key, storage) != storage:
            raise ValueError("a storage of two sizes")
        self.storages[storage.key] = storage
        return storage
