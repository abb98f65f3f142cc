"""Images too large to decode whole: any rectangle of them is read by itself.

A TIFF that is not compressed, or by Deflate, is read strip by strip or tile by tile: zlib alone
opens its pieces, each with a limit, so that nothing else of a stranger's file is run here. Every
other format goes through the reader process, which keeps up to 16 million pixels.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.decoding_guard import decoding_guard
from engine.errors import BadImage
from engine.images.kinds import kind
from engine.images.large_base import LargeImage, Pixels, WholeImage
from engine.images.limits import MOST_TAG_BYTES, check
from engine.images.picture import shown_name
from engine.images.reading import read
from engine.images.tiff_entries import MOST_TAGS, WHOLE_NUMBERS, tiff_entries, whole_numbers
from engine.images.turned import TRANSPOSED, upright

MAX_MB = 500  # of the file
MOST_PIXELS = 1_000_000_000  # by the header; its overview takes half a minute
MOST_SIDE = 250_000  # px
LONGEST = 500  # times as long as wide: beyond it, an overview would be a line
MOST_PIECE = 64_000_000  # bytes of a strip or tile, unpacked
MOST_WHOLE = 32_000_000  # px of an image that is decoded whole
SPARE = 4096  # bytes by which packing may make a small piece larger
PLAIN, DEFLATE = {1}, {8, 32946}
WIDTH, HEIGHT, BITS, COMPRESSION, INTENT, OFFSETS = 256, 257, 258, 259, 262, 273
ORIENTATION, CHANNELS, ROWS, LENGTHS, PLANAR, PREDICTOR = 274, 277, 278, 279, 284, 317
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES = 322, 323, 324, 325
WANTED = {WIDTH, HEIGHT, BITS, COMPRESSION, INTENT, OFFSETS, ORIENTATION, CHANNELS, ROWS, LENGTHS,
          PLANAR, PREDICTOR, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES}  # fmt: skip
SAVE = "save it as a TIFF in strips or tiles, uncompressed or with Deflate"


@dataclass(frozen=True, eq=False)
class PiecewiseTiff(LargeImage):
    """A TIFF whose strips or tiles are unpacked when they are asked for.

    Args:
        data: the file.
        pieces: of each strip or tile, offset and length in the file.
        across: strips or tiles side by side.
        form: height and width of one.
        channels: 1, 3 or 4 bytes a pixel.
        packed: whether Deflate was used.
        differences: whether each byte is the difference to the one before it in its row.
        dark: whether a gray image has white as 0.
    """

    data: bytes
    pieces: tuple[tuple[int, int], ...]
    across: int
    form: tuple[int, int]
    channels: int
    packed: bool
    differences: bool
    dark: bool

    def piece(self, top: int, bottom: int, left: int, right: int) -> Pixels:
        """Put together from the strips or tiles that it touches."""
        found = np.empty((bottom - top, right - left, 3), np.uint8)
        for y, x, part in self.touched(top, bottom, left, right):
            high, wide = part.shape[:2]
            found[y - top : y - top + high, x - left : x - left + wide] = as_color(
                part, dark=self.dark
            )
        return found

    def smaller(self, times: int, top: int, bottom: int, left: int, right: int) -> Pixels:
        """As of any image; each strip or tile is unpacked once, however the squares lie over it."""
        rows, columns = (bottom - top) // times, (right - left) // times
        total = np.zeros((rows, columns, self.channels), np.uint32)
        for y, x, part in self.touched(top, top + rows * times, left, left + columns * times):
            (down, row), (across, column) = (
                squares(at, size, times)
                for at, size in ((y - top, len(part)), (x - left, part.shape[1]))
            )
            sums = np.add.reduceat(part, down, 0, np.uint32)
            sums = np.add.reduceat(sums, across, 1)
            total[row : row + len(down), column : column + len(across)] += sums
        mean = np.rint(total / np.float32(times**2)).astype(np.uint8)
        return np.broadcast_to(as_color(mean, dark=self.dark), (rows, columns, 3)).copy()

    def touched(
        self, top: int, bottom: int, left: int, right: int
    ) -> Iterator[tuple[int, int, Pixels]]:
        """What each strip or tile has of a rectangle, and at which y and x of the image."""
        if bottom <= top or right <= left:
            return
        high, wide = self.form
        for row in range(top // high, -(-bottom // high)):
            for column in range(left // wide, -(-right // wide)):
                y, x = row * high, column * wide
                above, below = max(top, y), min(bottom, y + high)
                start, end = max(left, x), min(right, x + wide)
                part = self.unpacked(row * self.across + column)
                yield above, start, part[above - y : below - y, start - x : end - x]

    def unpacked(self, number: int) -> Pixels:
        """One strip or tile, (rows, columns, channels); the last strip may be shorter."""
        offset, length = self.pieces[number]
        high, wide = self.form
        if self.across == 1:
            high = min(high, self.height - number * high)
        size = high * wide * self.channels
        if not self.packed:
            body: Any = memoryview(self.data)[offset : offset + size]
        else:  # what lies behind the piece is not looked at, whatever length the file claims
            held = memoryview(self.data)[offset : offset + min(length, 2 * size + SPARE)]
            try:
                body = zlib.decompressobj().decompress(held, size)
            except zlib.error:
                body = b""
        if len(body) < size:
            raise BadImage("This TIFF is cut off or broken: save it anew.")
        found = np.frombuffer(body, np.uint8, size).reshape(high, wide, self.channels)
        return np.add.accumulate(found, 1, dtype=np.uint8) if self.differences else found


def squares(at: int, size: int, times: int) -> tuple[NDArray[np.int64], int]:
    """Where each square begins in a part that begins `at` px, and the number of the first one."""
    first = at // times
    begins = np.arange(first, -(-(at + size) // times)) * times - at
    return np.maximum(begins, 0), first


def as_color(part: Pixels, *, dark: bool) -> Pixels:
    """Gray, RGB or RGB with alpha as RGB; alpha is left out."""
    part = part[..., :1] if part.shape[-1] < 3 else part[..., :3]
    return 255 - part if dark else part


def open_large(data: bytes, name: str = "") -> LargeImage:
    """An image from a file, in pieces where its format allows it.

    Raises:
        BadImage: it cannot be read, is empty, or is too large.
    """
    called = shown_name(name)
    with decoding_guard(called):
        return open_unguarded(data, name, called)


def open_unguarded(data: bytes, name: str, called: str) -> LargeImage:
    """As `open_large`, without the guard around foreign bytes."""
    if len(data) > MAX_MB * 1_000_000:
        raise BadImage(f"{called} has {len(data) / 1e6:,.0f} MB: the most is {MAX_MB} MB.")
    fingerprint = blake2b(data, digest_size=16).hexdigest()
    found = kind(data)
    if found.name == "TIFF":
        check(data, found, called)
        if (image := piecewise(data, fingerprint, called)) is not None:
            return image
    picture = read(data, name, fine=True)
    height, width = picture.pixels.shape[:2]
    check_sides(width, height, called)
    notes = list(picture.notes)
    if (width, height) != tuple(picture.size):
        across, down = picture.size
        notes.append(f"Read at {width} × {height} of {across} × {down} px: to keep all, {SAVE}.")
    return WholeImage(width, height, fingerprint, tuple(notes), picture.pixels)


def check_sides(width: int, height: int, called: str) -> None:
    """Raise BadImage for an image that is too long."""
    long, short = max(width, height), min(width, height)
    if long > MOST_SIDE or long > LONGEST * short:
        raise BadImage(
            f"{called} has {width:,} × {height:,} px: a side has {MOST_SIDE:,} px at most, and is "
            f"at most {LONGEST} times as long as the other."
        )


def piecewise(data: bytes, fingerprint: str, called: str) -> LargeImage | None:
    """The first page of a TIFF in pieces; None where another reader is needed.

    Raises:
        BadImage: it is too large, or its pieces are.
    """
    tags = dict(tags_of(data))

    def first(tag: int, usual: int = 0) -> int:
        return tags[tag][0] if tags.get(tag) else usual

    width, height, channels = first(WIDTH), first(HEIGHT), first(CHANNELS, 1)
    packing, intent = first(COMPRESSION, 1), first(INTENT, 1)
    known = packing in PLAIN | DEFLATE and channels in {1, 3, 4} and first(PLANAR, 1) == 1
    known &= set(tags.get(BITS, (1,))) == {8} and first(PREDICTOR, 1) in {1, 2}
    known &= intent in ({0, 1} if channels == 1 else {2})
    if not known or not width or not height:
        return None
    if width * height > MOST_PIXELS:
        raise BadImage(
            f"{called} has {width:,} × {height:,} px: the most is {MOST_PIXELS / 1e9:.0f} billion."
        )
    check_sides(width, height, called)
    tiled = TILE_OFFSETS in tags
    wide, high = (
        (first(TILE_WIDTH), first(TILE_HEIGHT)) if tiled
        else (width, min(first(ROWS, height), height))
    )  # fmt: skip
    if not wide or not high:
        return None
    if packing not in PLAIN and wide * high * channels > MOST_PIECE:
        raise BadImage(f"{called} is compressed in pieces of {wide:,} × {high:,} px: {SAVE}.")
    offsets, sizes = (
        (tags.get(TILE_OFFSETS, ()), tags.get(TILE_SIZES, ())) if tiled
        else (tags.get(OFFSETS, ()), tags.get(LENGTHS, ()))
    )  # fmt: skip
    across = -(-width // wide)
    if min(len(offsets), len(sizes)) < across * -(-height // high):
        raise BadImage(f"{called} lacks some of its pieces: save it anew.")
    how = "tile by tile" if tiled else "in strips"
    lying = PiecewiseTiff(
        width, height, fingerprint, (f"Read {how}, {width:,} × {height:,} px.",), data,
        tuple(zip(offsets, sizes, strict=False)), across, (high, wide), channels,
        packing not in PLAIN, packing not in PLAIN and first(PREDICTOR, 1) == 2,
        channels == 1 and intent == 0,
    )  # fmt: skip
    orientation = first(ORIENTATION, 1)
    if orientation in TRANSPOSED and not tiled:  # each of its columns touches every strip
        return upright(decoded(lying, called), orientation)
    return upright(lying, orientation)


def decoded(lying: PiecewiseTiff, called: str) -> WholeImage:
    """All of an image at once. Raises BadImage where that is too much."""
    if lying.width * lying.height > MOST_WHOLE:
        raise BadImage(
            f"{called} lies on its side, in strips, and has more than {MOST_WHOLE / 1e6:.0f} "
            "million px: save it upright, or in tiles."
        )
    pixels = lying.piece(0, lying.height, 0, lying.width)
    return WholeImage(lying.width, lying.height, lying.fingerprint, lying.notes, pixels)


def tags_of(data: bytes) -> Iterator[tuple[int, tuple[int, ...]]]:
    """The tags of a TIFF's first page that are whole numbers; none of a file that is cut off."""
    entries = tiff_entries(data)
    if len(entries) > MOST_TAGS or sum(entry.size for entry in entries) > MOST_TAG_BYTES:
        return
    for entry in entries:
        if entry.form in WHOLE_NUMBERS and entry.tag in WANTED:
            yield entry.tag, whole_numbers(data, entry)
