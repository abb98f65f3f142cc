"""Which weights stay: one value for the whole network, exact to the weight.

All masks lie in one row of truth values, part after part, so that counting, comparing and packing
are single passes. `Masks` is a mapping from a parameter's name to a tensor, True where the weight
stays, as the trainer takes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.errors import BadData
from engine.core.keeping.lazy import lazy
from engine.vision.models.bits import Bits, packed_bits, unpacked_bits
from engine.vision.models.classifier import Classifier
from engine.vision.weights.parts import PrunableWeight, prunable_parts


@dataclass(frozen=True, eq=False)
class Masks(Mapping[str, Tensor]):
    """Which weights stay.

    Args:
        parts: what was chosen from, in order.
        flat: (n,) bool, True where a weight stays, the parts one after another.
        silent: what goes silent with a whole filter: names of biases and of BatchNorm's weights
            and biases, with (filters,) bool; and what an earlier round cut in parts that are not
            chosen from now. They are masked too, but never counted.
        notes: what a person should know of this choice, in sentences.
    """

    parts: tuple[PrunableWeight, ...]
    flat: Bits
    silent: Mapping[str, Bits] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.flat.shape != (self.total,):
            message = f"Masks of {self.total} weights cannot be {self.flat.shape}."
            raise BadData(message)
        self.flat.flags.writeable = False

    @lazy
    def total(self) -> int:
        """How many weights could be pruned."""
        return sum(part.size for part in self.parts)

    @lazy
    def starts(self) -> Mapping[str, int]:
        """Where each part begins in the row."""
        sizes = [part.size for part in self.parts]
        return dict(
            zip((p.name for p in self.parts), np.cumsum([0, *sizes[:-1]]).tolist(), strict=True)
        )

    @lazy
    def kept(self) -> int:
        """How many weights stay."""
        return int(np.count_nonzero(self.flat))

    @property
    def density(self) -> float:
        """The share that stays, of what could be pruned."""
        return self.kept / self.total

    @property
    def sparsity(self) -> float:
        """The share that is cut, of what could be pruned."""
        return 1 - self.density

    def part(self, name: str) -> PrunableWeight:
        """The part of that name. Raises KeyError."""
        return next(part for part in self.parts if part.name == name)

    def array(self, name: str) -> Bits:
        """The mask of one part, in the weight's shape; a view, closed to writing."""
        if name in self.silent:
            return self.silent[name]
        if name not in self.starts:
            raise KeyError(name)
        part, start = self.part(name), self.starts[name]
        return self.flat[start : start + part.size].reshape(part.shape)

    def __getitem__(self, name: str) -> Tensor:
        return torch.from_numpy(np.array(self.array(name)))

    def __iter__(self) -> Iterator[str]:
        yield from self.starts
        yield from self.silent

    def __len__(self) -> int:
        return len(self.parts) + len(self.silent)

    @lazy
    def counts(self) -> NDArray[np.int64]:
        """How many weights stay in each part."""
        return np.array([np.count_nonzero(self.array(p.name)) for p in self.parts], np.int64)

    @lazy
    def dead_filters(self) -> tuple[int, ...]:
        """In each part, the filters of which no weight stays."""
        return tuple(
            int(np.count_nonzero(~self.array(p.name).reshape(p.filters, -1).any(1)))
            for p in self.parts
        )

    @lazy
    def digest(self) -> str:
        """A name made of the masks alone."""
        hasher = blake2b(repr([(p.name, p.shape) for p in self.parts]).encode(), digest_size=16)
        hasher.update(np.packbits(self.flat).tobytes())
        for name in sorted(self.silent):
            hasher.update(name.encode() + np.packbits(self.silent[name]).tobytes())
        return hasher.hexdigest()

    def inside(self, other: Masks) -> bool:
        """Whether whatever stays here stays there too."""
        return not bool(np.any(self.flat & ~other.flat))

    def packed(self) -> dict[str, NDArray[np.uint8]]:
        """Every mask as one bit a weight, by the parameter's name."""
        return packed_bits({name: self.array(name) for name in self})


def masks_of(arrays: Mapping[str, Any], prunable_weights: Sequence[PrunableWeight]) -> Masks:
    """Masks in shapes (arrays or tensors) as one value; a part without one stays whole."""
    known = {part.name for part in prunable_weights}
    rows = [
        np.asarray(arrays[p.name], np.bool_).ravel()
        if p.name in arrays
        else np.ones(p.size, np.bool_)
        for p in prunable_weights
    ]
    silent = {
        name: np.asarray(flags, np.bool_) for name, flags in arrays.items() if name not in known
    }
    return Masks(tuple(prunable_weights), np.concatenate(rows), silent)


def masks_in(model: Classifier) -> Masks | None:
    """The masks that a pruned model carries, or None when it carries none."""
    if not model.masks:
        return None
    shapes = {name: tuple(tensor.shape) for name, tensor in model.network.state_dict().items()}
    result = unpacked_bits(model.masks, shapes)
    masked_parts = tuple(part for part in prunable_parts(model) if part.name in result)
    return masks_of(result, masked_parts)
