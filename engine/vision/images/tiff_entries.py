"""The entries of a TIFF's first page, read by slices: no offset is too large for them."""

from enum import IntEnum
from typing import Literal, NamedTuple

import numpy as np

MOST_TAGS = 4096  # of a TIFF page
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
         16: 8, 17: 8, 18: 8}  # fmt: skip
WHOLE_NUMBERS = {1, 3, 4, 13, 16, 18}  # types of a tag, without sign


class Tag(IntEnum):
    """The tags that are read of an image in pieces."""

    WIDTH, HEIGHT, BITS, COMPRESSION, INTENT, OFFSETS = 256, 257, 258, 259, 262, 273
    ORIENTATION, CHANNELS, ROWS, LENGTHS, PLANAR, PREDICTOR = 274, 277, 278, 279, 284, 317
    TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES = 322, 323, 324, 325
    TABLES, SUBSAMPLING = 347, 530  # of JPEGs


Order = Literal["little", "big"]


class TiffEntry(NamedTuple):
    """A tag, the type of its values, how many they are, and where in the file they begin."""

    tag: int
    form: int
    length: int
    place: int

    @property
    def size(self) -> int:
        """Bytes of all values; 0 where the type is none."""
        return SIZES.get(self.form, 0) * self.length


def byte_order(data: bytes) -> Order:
    """Of a TIFF's numbers."""
    return "little" if data[:2] == b"II" else "big"


def tiff_entries(data: bytes) -> list[TiffEntry]:
    """The entries of the first page, at most MOST_TAGS + 1 of them; none where it is cut off."""
    order = byte_order(data)
    big = data[2:4] in {b"+\0", b"\0+"}
    word, head = (8, 8) if big else (4, 2)
    size = 4 + 2 * word

    def number(at: int, width: int) -> int:
        return int.from_bytes(data[at : at + width], order)

    first = number(word, word)
    count, first = min(number(first, head), MOST_TAGS + 1), first + head
    if first + count * size > len(data):
        return []
    entries = []
    for at in range(first, first + count * size, size):
        entry = TiffEntry(number(at, 2), number(at + 2, 2), number(at + 4, word), at + 4 + word)
        inside = entry.size <= word
        entries.append(entry if inside else entry._replace(place=number(at + 4 + word, word)))
    return entries


def whole_numbers(data: bytes, entry: TiffEntry) -> tuple[int, ...]:
    """The values of an entry of WHOLE_NUMBERS; those that the file has, where it is cut off."""
    width, order = SIZES[entry.form], "<" if byte_order(data) == "little" else ">"
    values = data[entry.place : entry.place + entry.size]
    complete_bytes = values[: len(values) // width * width]
    return tuple(np.frombuffer(complete_bytes, f"{order}u{width}").tolist())
