"""Members of zip archives, unpacked in the reader process: whole, or as an array piece by piece."""

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from engine.core.errors import BadImage
from engine.vision.images.room import require_room
from engine.vision.images.wire import Arrays, LazyArrays, Words

DAMAGED = "It is damaged inside the archive."
HEADER = 4096  # bytes of an array's header that are read
FED = 2**20  # packed bytes that are looked at together
PIECE = 16_000_000  # bytes of an array that are sent together

Reply = tuple[Words, Arrays | LazyArrays]


class MemberFile:
    """The bytes of a member in their order, unpacked as they are read.

    Args:
        packed: the bytes as they lie in the archive.
        deflated: whether they are packed.
    """

    def __init__(self, packed: NDArray[np.uint8], *, deflated: bool) -> None:
        self.packed = memoryview(np.ascontiguousarray(packed).data)
        self.unpacking = zlib.decompressobj(-zlib.MAX_WBITS) if deflated else None
        self.pending: bytes | memoryview = b""
        self.place = self.read_so_far = self.crc = 0

    def read(self, count: int) -> bytes:
        """So many bytes, or what is left of them. Raises zlib.error."""
        if self.unpacking is None:
            result = bytes(self.packed[self.place : self.place + count])
            self.place += len(result)
        else:
            parts, missing = [], count
            while missing and not self.unpacking.eof:
                if not self.pending:
                    self.pending = self.packed[self.place : self.place + FED]
                    self.place += FED
                    if not self.pending:
                        break
                part = self.unpacking.decompress(self.pending, missing)
                self.pending = self.unpacking.unconsumed_tail
                missing -= len(part)
                parts.append(part)
            result = b"".join(parts)
        self.read_so_far += len(result)
        self.crc = zlib.crc32(result, self.crc)
        return result

    def check(self, size: int, crc: int) -> None:
        """Raise BadImage where what was read is not the whole member."""
        if (self.read_so_far, self.crc) != (size, crc):
            raise BadImage(DAMAGED)


def member(words: Words, arrays: Arrays) -> Reply:
    """A member as bytes: all of it, or the first `most`."""
    count = min(words["size"], words["most"])
    require_room(2 * count + arrays[0].nbytes, count)
    file = MemberFile(arrays.pop(), deflated=words["deflated"])
    try:
        data = file.read(count)
    except zlib.error as error:
        raise BadImage(DAMAGED) from error
    if count == words["size"]:
        file.check(words["size"], words["crc"])
    return {}, [np.frombuffer(data, np.uint8)]


def header(words: Words, arrays: Arrays) -> Reply:
    """Shape and kind of an array, from the first bytes of its member; `begun` is where it starts.

    Objects are kept pickled, which is said and never opened.
    """
    file = MemberFile(arrays.pop(), deflated=words["deflated"])
    shape, _, kind = read_header(file)
    description = {"shape": shape, "kind": kind.str, "objects": kind.hasobject}
    return description | {"begun": file.read_so_far}, []


def read_header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns lie next to each other, and kind."""
    first = npy.read_magic(file) == (1, 0)
    read = npy.read_array_header_1_0 if first else npy.read_array_header_2_0
    results: tuple[tuple[int, ...], bool, np.dtype[Any]] = read(file, max_header_size=HEADER)
    return results


def array(words: Words, arrays: Arrays) -> Reply:
    """An array whose header was found good, some of its rows at a time; none lies about its end."""
    file = MemberFile(arrays.pop(), deflated=words["deflated"])
    shape, by_columns, kind = read_header(file)
    if kind.hasobject:
        raise BadImage("It holds pickled objects.")
    size = kind.itemsize * int(np.prod(shape, dtype=object))
    if by_columns and len(shape) > 1:
        require_room(2 * size + len(file.packed) + PIECE, 0)
        whole = np.frombuffer(file.read(size), kind).reshape(shape[::-1]).transpose()
        file.check(words["size"], words["crc"])
        return {}, [np.ascontiguousarray(whole)]
    row = max(1, size // max(shape[0], 1)) if shape else size
    per_piece = max(1, PIECE // row)
    counts = (
        [min(per_piece, shape[0] - at) for at in range(0, shape[0], per_piece)] if shape else []
    )
    kinds = [(kind, (count, *shape[1:])) for count in counts]
    return {}, LazyArrays(kinds, pieces(file, kinds, words))


def pieces(file: MemberFile, kinds: list[Any], words: Words) -> Iterator[NDArray[Any]]:
    """The rows; the last ones only when the whole member was as it should be."""
    for number, (kind, shape) in enumerate(kinds, 1):
        data = file.read(kind.itemsize * int(np.prod(shape)))
        if number == len(kinds):
            file.check(words["size"], words["crc"])
        yield np.frombuffer(data, kind).reshape(shape)
