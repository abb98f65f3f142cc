"""Strips and tiles of a TIFF, unpacked and put together; packed ones in the reader process.

libtiff unpacks them as it does any TIFF's: each batch is written as a small file, of one strip
below the other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from itertools import pairwise
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from engine.core.errors import BadImage
from engine.vision.images.kinds import FileKind
from engine.vision.images.picture import open_header
from engine.vision.images.room import require_room
from engine.vision.images.tiff_entries import Tag
from engine.vision.images.wire import Arrays, Words

Pixels = NDArray[np.uint8]
Rectangle = tuple[int, int, int, int]  # top, bottom, left, right
Bodies = Mapping[int, Any]  # of each strip or tile by its number: its bytes in the file

SPARE = 4096  # bytes by which packing may make a small piece larger
COPIES = 6  # of a batch that are held while it is unpacked, with its result
LONG, UNDEFINED = 4, 7  # types of a tag
BROKEN = "This TIFF is cut off or broken: save it anew."


@dataclass(frozen=True)
class TileGrid:
    """How the strips or tiles of an image lie.

    Args:
        height: of the image, px.
        across: strips or tiles side by side.
        form: height and width of one.
        channels: 1, 3 or 4 bytes a pixel.
        codec: how its pieces are packed: the tags, each with its values; empty where they are not.
    """

    height: int
    across: int
    form: tuple[int, int]
    channels: int
    codec: Sequence[tuple[int, Sequence[int]]] = ()

    @property
    def piece_bytes(self) -> int:
        """Of a strip or tile, unpacked."""
        return self.form[0] * self.form[1] * self.channels

    def numbers(self, rectangle: Rectangle) -> list[int]:
        """The strips or tiles that a rectangle touches."""
        return [row * self.across + column for row, column in self.places(rectangle)]

    def places(self, rectangle: Rectangle) -> Iterator[tuple[int, int]]:
        """Row and column of each strip or tile that a rectangle touches."""
        top, bottom, left, right = rectangle
        high, wide = self.form
        if bottom > top and right > left:
            for row in range(top // high, -(-bottom // high)):
                for column in range(left // wide, -(-right // wide)):
                    yield row, column

    def batches(self, rectangle: Rectangle, most: int) -> Iterator[Rectangle]:
        """The rectangle in parts of whole strips or tiles, each of about `most` bytes unpacked."""
        top, bottom, left, right = rectangle
        if bottom <= top or right <= left:
            return
        high, wide = self.form
        columns = -(-right // wide) - left // wide
        tiles = max(1, most // self.piece_bytes)
        rows, some = max(1, tiles // max(columns, 1)), min(columns, tiles)
        for above, below in pairwise(edges(top, bottom, rows * high)):
            for start, end in pairwise(edges(left, right, some * wide)):
                yield above, below, start, end

    def whole(self, rectangle: Rectangle, bodies: Bodies) -> Pixels:
        """The pixels of a rectangle, (rows, columns, channels)."""
        top, bottom, left, right = rectangle
        pixels = np.empty((bottom - top, right - left, self.channels), np.uint8)
        for y, x, part in self.touched(rectangle, bodies):
            high, wide = part.shape[:2]
            pixels[y - top : y - top + high, x - left : x - left + wide] = part
        return pixels

    def sums(
        self, rectangle: Rectangle, bodies: Bodies, times: int, origin: tuple[int, int]
    ) -> NDArray[np.uint32]:
        """What a rectangle adds to each square of `times` px, counted from `origin` (y, x)."""
        rows, columns = squares_of(rectangle, times, origin)
        total = np.zeros((len(rows), len(columns), self.channels), np.uint32)
        for y, x, part in self.touched(rectangle, bodies):
            (down, row), (across, column) = (
                tile_starts(at, size, times)
                for at, size in ((y - origin[0], len(part)), (x - origin[1], part.shape[1]))
            )
            # summed as uint32 from the start: bytes would wrap
            added = np.add.reduceat(part, down, 0, np.uint32)
            added = np.add.reduceat(added, across, 1)
            row, column = row - rows.start, column - columns.start
            total[row : row + len(down), column : column + len(across)] += added
        return total

    def touched(self, rectangle: Rectangle, bodies: Bodies) -> Iterator[tuple[int, int, Pixels]]:
        """What each strip or tile has of a rectangle, and at which y and x of the image."""
        top, bottom, left, right = rectangle
        high, wide = self.form
        pieces = self.unpacked(self.numbers(rectangle), bodies)
        for (row, column), part in zip(self.places(rectangle), pieces, strict=True):
            y, x = row * high, column * wide
            above, below = max(top, y), min(bottom, y + high)
            start, end = max(left, x), min(right, x + wide)
            yield above, start, part[above - y : below - y, start - x : end - x]

    def unpacked(self, numbers: Sequence[int], bodies: Bodies) -> Iterator[Pixels]:
        """Strips or tiles, (rows, columns, channels) each; the last strip may be shorter."""
        high, wide = self.form
        rows = [high if self.across > 1 else min(high, self.height - at * high) for at in numbers]
        if self.codec and numbers:
            pixels = self.decoded(sum(rows), [bodies[number] for number in numbers])
            yield from np.split(pixels, np.cumsum(rows)[:-1])
            return
        for number, lines in zip(numbers, rows, strict=True):
            size = lines * wide * self.channels
            if len(bodies[number]) < size:
                raise BadImage(BROKEN)
            part = np.frombuffer(bodies[number], np.uint8, size)
            yield part.reshape(lines, wide, self.channels)

    def decoded(self, rows: int, packed: Sequence[Any]) -> Pixels:
        """Packed strips or tiles one below the other, (rows, columns, channels)."""
        ends = np.cumsum([0, *map(len, packed)]).tolist()
        tags = ImageFileDirectory_v2()
        tags.tagtype |= {Tag.OFFSETS: LONG, Tag.TABLES: UNDEFINED}
        page: dict[int, Any] = dict(self.codec)
        page |= {Tag.WIDTH: self.form[1], Tag.HEIGHT: rows, Tag.ROWS: self.form[0]}
        page |= {Tag.CHANNELS: self.channels, Tag.BITS: [8] * self.channels}
        page |= {Tag.OFFSETS: ends[:-1], Tag.LENGTHS: np.diff(ends).tolist()}
        for tag, values in page.items():
            tags[tag] = bytes(values) if tag == Tag.TABLES else values
        file = BytesIO()
        tags.save(file)
        file.write(b"".join(packed))
        try:
            with open_header(file.getvalue(), FileKind("TIFF")) as image:
                return np.asarray(image).reshape(rows, self.form[1], self.channels)
        except OSError:
            raise BadImage(BROKEN) from None


def edges(start: int, end: int, step: int) -> list[int]:
    """Where a stretch is cut: its ends, and the multiples of `step` between them."""
    return [start, *range((start // step + 1) * step, end, step), end]


def tile_starts(at: int, size: int, times: int) -> tuple[NDArray[np.int64], int]:
    """Where each square begins in a part that begins `at` px, and the number of the first one."""
    first = at // times
    begins = np.arange(first, -(-(at + size) // times)) * times - at
    # a square that began in the part before goes on at 0
    return np.maximum(begins, 0), first


def squares_of(rectangle: Rectangle, times: int, origin: tuple[int, int]) -> tuple[range, range]:
    """Rows and columns of the squares that a rectangle touches."""
    top, bottom, left, right = rectangle
    y, x = origin
    return (
        range((top - y) // times, -(-(bottom - y) // times)),
        range((left - x) // times, -(-(right - x) // times)),
    )


def request(grid: TileGrid, rectangle: Rectangle, bodies: Bodies, **more: Any) -> Words:
    """The words by which a reader is asked for a rectangle; its bodies go with them, joined."""
    lengths = [[number, len(body)] for number, body in bodies.items()]
    return {
        "ask": "tiles",
        "grid": asdict(grid),
        "rectangle": rectangle,
        "lengths": lengths,
        **more,
    }


def tile_reply(words: Words, arrays: Arrays) -> tuple[Words, Arrays]:
    """The pixels of a rectangle, or its sums, and the seconds of computing that they took."""
    begun = process_time()
    grid = TileGrid(**{**words["grid"], "form": tuple(words["grid"]["form"])})
    rectangle = tuple(words["rectangle"])
    size = len(words["lengths"]) * grid.piece_bytes
    require_room(2 * arrays[0].nbytes + COPIES * size, size)
    joined, at, bodies = memoryview(arrays[0].data), 0, {}
    for number, length in words["lengths"]:
        bodies[number] = joined[at : at + length]
        at += length
    if "times" in words:
        pixels: NDArray[Any] = grid.sums(rectangle, bodies, words["times"], tuple(words["origin"]))
    else:
        pixels = grid.whole(rectangle, bodies)
    return {"seconds": process_time() - begun}, [pixels]
