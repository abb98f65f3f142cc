"""What every view is: arrays and facts, to and from plain parts, closed to writing."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import blake2b
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class View:
    """Arrays (fields holding arrays, or names to arrays) and facts (everything else)."""

    def __post_init__(self) -> None:
        for spec in fields(self):
            value = getattr(self, spec.name)
            if isinstance(value, np.ndarray):
                object.__setattr__(self, spec.name, read_only(value))
            elif isinstance(value, Mapping):
                arrays = {str(name): read_only(array) for name, array in value.items()}
                object.__setattr__(self, spec.name, arrays)

    def arrays(self) -> dict[str, Array]:
        """Every array under its field's name, `field/name` for the members of a mapping."""
        flat: dict[str, Array] = {}
        for spec in fields(self):
            value = getattr(self, spec.name)
            if isinstance(value, np.ndarray):
                flat[spec.name] = value
            elif isinstance(value, Mapping):
                flat |= {f"{spec.name}/{name}": array for name, array in value.items()}
        return flat

    def facts(self) -> dict[str, Any]:
        """Every field that is no array, numpy's own numbers as Python's."""
        contents = {spec.name: getattr(self, spec.name) for spec in fields(self)}
        return {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in contents.items()
            if not isinstance(value, np.ndarray | Mapping)
        }

    @classmethod
    def build(cls, arrays: Mapping[str, Array], facts: Mapping[str, Any]) -> Self:
        """The view again from what `arrays` and `facts` gave, in the order of `arrays`."""
        plain = {name: array for name, array in arrays.items() if "/" not in name}
        grouped: dict[str, dict[str, Array]] = {}
        for name, array in arrays.items():
            if "/" in name:
                group, member = name.split("/", 1)
                grouped.setdefault(group, {})[member] = array
        arguments = {**plain, **grouped, **{k: frozen(v) for k, v in facts.items()}}
        empty: dict[str, Any] = {
            spec.name: {} for spec in fields(cls) if spec.name not in arguments
        }
        return cls(**empty, **arguments)  # what is neither array nor fact was a mapping of nothing

    @property
    def nbytes(self) -> int:
        """Bytes held by its arrays."""
        return sum(array.nbytes for array in self.arrays().values())


Result = Mapping[str, View]


def read_only(array: Array) -> Array:
    """The array, closed to writing, so that nobody spoils a shared answer."""
    view = np.asarray(array, order="C").view()
    view.flags.writeable = False
    return view


def frozen(value: object) -> object:
    """Lists, as JSON has them, as the tuples they were; also inside one another."""
    return tuple(frozen(element) for element in value) if isinstance(value, list) else value


def digest_arrays(arrays: Mapping[str, Array]) -> str:
    """One name for a set of named arrays, independent of their order."""
    hasher = blake2b(digest_size=16)
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        hasher.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        hasher.update(array.data)
    return hasher.hexdigest()
