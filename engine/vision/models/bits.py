"""Masks of weights, one bit each: how they are kept beside the weights that they belong to."""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadModel
from engine.core.result import Array

Bits = NDArray[np.bool_]
Packed = NDArray[np.uint8]


def packed_bits(masks: Mapping[str, Array]) -> dict[str, Packed]:
    """Masks of any shape as bits in a row, the last byte filled up with zeros."""
    return {name: np.packbits(np.asarray(mask, np.bool_).ravel()) for name, mask in masks.items()}


def unpacked_bits(
    packed: Mapping[str, Array], shapes: Mapping[str, Sequence[int]]
) -> dict[str, Bits]:
    """Masks in their weights' shapes.

    Raises:
        BadModel: a mask is of no weight that is known, or of another size.
    """
    results: dict[str, Bits] = {}
    for name, bits in packed.items():
        if name not in shapes:
            raise BadModel(f"There is a mask of {name[:80]!r}, but no such weight.")
        size = prod(shapes[name])
        if bits.dtype != np.uint8 or bits.shape != ((size + 7) // 8,):
            raise BadModel(f"The mask of {name[:80]} does not have the {size} bits of its weight.")
        flags = np.unpackbits(np.asarray(bits), count=size).astype(np.bool_)
        results[name] = flags.reshape(tuple(shapes[name]))
    return results
