"""How answers that ship are made small: rounded where eyes are the judge, then packed without loss.

A picture is seen in 256 shades and a map in a few hundred, so maps are rounded to 12 bits of their
range and half-precision pictures to 8. What is then the same in each number (the ends of the
mantissas) is brought together and compressed by LZMA.
"""

import json
import lzma
import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from engine.core.result import HeatMap, Path, Result, Triangle, View
from engine.core.result.view import Array

DRAWN_VIEWS = (HeatMap, Path, Triangle)  # views whose large arrays are only looked at
LARGE = 4096  # numbers, from which on an array is rounded
BITS = {np.dtype(np.float32): 12, np.dtype(np.float16): 8}
AS_IS, BY_FRAME = b"\0", b"\1"  # how the numbers of a file were brought together
DAMAGED = (EOFError, lzma.LZMAError, ValueError, LookupError, struct.error)

Bytes = NDArray[np.uint8]


def rounded(result: Result) -> Result:
    """The result with its maps and pictures rounded; the same again when it was before."""
    return {
        name: of_view(view) if isinstance(view, DRAWN_VIEWS) else view
        for name, view in result.items()
    }


def of_view(view: View) -> View:
    """A view with its large arrays rounded."""
    arrays = {name: to_a_step(array) for name, array in view.arrays().items()}
    return type(view).build(arrays, view.facts())


def to_a_step(array: Array) -> Array:
    """Multiples of a power of two, at least 2^bits of them over the array's range."""
    if array.size < LARGE or array.dtype not in BITS or not np.isfinite(array).any():
        return array
    span = float(np.nanmax(array)) - float(np.nanmin(array))
    if not 0 < span < np.inf:
        return array
    # a power of two: the last bits of each number become 0, which pack away
    step = 2.0 ** np.floor(np.log2(span / 2 ** BITS[array.dtype]))
    stepped: Array = (np.round(array.astype(np.float64) / step) * step).astype(array.dtype)
    return stepped


def compress(data: bytes) -> bytes:
    """A safetensors file, packed by the better of two ways: as it is, or frame after frame."""
    ways = {way: lzma.compress(way + gathered(data, way), preset=9) for way in (AS_IS, BY_FRAME)}
    return min(ways.values(), key=len)


def decompress(packed: bytes) -> bytes:
    """The file again, byte by byte; one of DAMAGED where it was none."""
    plain = lzma.decompress(packed)
    return scattered(plain[1:], plain[:1])


def gathered(data: bytes, way: bytes) -> bytes:
    """The first bytes of all numbers of an array, then the second ones, and so on."""
    array_bytes = np.frombuffer(data, np.uint8).copy()
    for at, width, shape in layout(data):
        block = array_bytes[at]
        if way == BY_FRAME and len(shape) == 4:
            frames = block.view(f"u{width}").reshape(shape[0], -1)
            frames[1:] -= frames[:-1].copy()  # wraps around, and so does the way back
        # signs and exponents of neighbors are alike, and pack well side by side
        block[:] = block.reshape(-1, width).T.ravel()
    return array_bytes.tobytes()


def scattered(data: bytes, way: bytes) -> bytes:
    """What `gathered` was given."""
    array_bytes = np.frombuffer(data, np.uint8).copy()
    for at, width, shape in layout(data):
        block = array_bytes[at]
        block[:] = block.reshape(width, -1).T.ravel()
        if way == BY_FRAME and len(shape) == 4:
            frames = block.view(f"u{width}").reshape(shape[0], -1)
            np.cumsum(frames, axis=0, dtype=frames.dtype, out=frames)
    return array_bytes.tobytes()


def layout(data: bytes) -> Iterator[tuple[slice, int, tuple[int, ...]]]:
    """Where each array of numbers lies in a safetensors file, the bytes of a number, its shape."""
    (length,) = struct.unpack_from("<Q", data)
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        first, last = entry["data_offsets"]
        shape = tuple(entry["shape"])
        if count := int(np.prod(shape)):
            yield slice(8 + length + first, 8 + length + last), (last - first) // count, shape
