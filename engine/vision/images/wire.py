"""What goes over a pipe between the app and its reader: words as JSON, arrays as they are.

A message is the length of its words (4 bytes), the words, and the bytes of each array that they
announce. Nothing is ever unpickled, and arrays are of plain numbers.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

MOST_WORDS = 64_000_000  # bytes
MOST_BYTES = 2_000_000_000  # of an array

Words = dict[str, Any]
Arrays = list[NDArray[Any]]
Sink = Callable[[NDArray[Any]], None]


@dataclass(frozen=True)
class LazyArrays:
    """Arrays that are made one by one while they are sent, so that never two are held.

    Args:
        kinds: type and shape of each.
        arrays: makes them, in the same order.
    """

    kinds: Sequence[tuple[np.dtype[Any], tuple[int, ...]]]
    arrays: Iterator[NDArray[Any]]


def send(
    pipe: BinaryIO, words: Mapping[str, Any], arrays: Sequence[NDArray[Any]] | LazyArrays = ()
) -> None:
    """Write one message."""
    if isinstance(arrays, LazyArrays):
        pairs, coming = arrays.kinds, arrays.arrays
    else:
        pairs, coming = [(array.dtype, array.shape) for array in arrays], iter(arrays)
    kinds = [[npy.dtype_to_descr(dtype), shape] for dtype, shape in pairs]
    head = json.dumps([dict(words), kinds]).encode()
    pipe.write(len(head).to_bytes(4, "little"))
    pipe.write(head)
    for array in coming:
        pipe.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    pipe.flush()


def receive(pipe: BinaryIO, sink: Sink | None = None) -> tuple[Words, Arrays]:
    """Read one message.

    Args:
        pipe: where it comes from.
        sink: takes each array as it comes; all are held and returned if not given.

    Raises:
        EOFError: the other side has ended.
        ValueError: it is no message.
    """
    length = int.from_bytes(exactly(pipe, 4), "little")
    if length > MOST_WORDS:
        raise ValueError("too many words")
    words, kinds = json.loads(exactly(pipe, length))
    coming = (array(pipe, parse_dtype(descr), tuple(shape)) for descr, shape in kinds)
    if sink is None:
        return words, list(coming)
    for piece in coming:
        sink(piece)
    return words, []


def parse_dtype(descr: Any) -> np.dtype[Any]:
    """The kind of an array. Raises ValueError for objects."""
    pairs = descr if isinstance(descr, str) else [(str(name), str(kind)) for name, kind in descr]
    try:
        dtype = np.dtype(pairs)
    except TypeError as error:
        raise ValueError("no kind of array") from error
    if dtype.hasobject:
        raise ValueError("objects")
    return dtype


def array(pipe: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    size = dtype.itemsize * prod(shape)
    if min(shape, default=0) < 0 or size > MOST_BYTES:
        raise ValueError("no such array")
    received = np.empty(shape, dtype)
    fill(pipe, received.reshape(-1).view(np.uint8).data)
    return received


def exactly(pipe: BinaryIO, count: int) -> bytes:
    """So many bytes."""
    buffer = bytearray(count)
    fill(pipe, memoryview(buffer))
    return bytes(buffer)


def fill(pipe: BinaryIO, room: memoryview) -> None:
    """Read until the room is full."""
    at = 0
    while at < len(room):
        read_count = pipe.readinto(room[at:])  # type: ignore[attr-defined]
        if not read_count:
            raise EOFError
        at += read_count
