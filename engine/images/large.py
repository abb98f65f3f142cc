"""Images too large to decode whole: any rectangle of them is read by itself.

A TIFF that is not compressed, or by Deflate, is read strip by strip or tile by tile: zlib alone
opens its pieces, each with a limit, so that nothing else of a stranger's file is run here. Every
other format goes through the reader process, which keeps up to 16 million pixels.
"""

from __future__ import annotations

import struct
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadImage
from engine.images.kinds import kind
from engine.images.limits import check
from engine.images.picture import shown_name
from engine.images.reading import read

Pixels = NDArray[np.uint8]  # (rows, columns, 3)

MAX_MB = 500  # of the file
MOST_PIXELS = 4_000_000_000  # by the header
MOST_PIECE = 64_000_000  # bytes of a strip or tile, unpacked
MOST_HELD = 64_000_000  # bytes of an answer
PLAIN, DEFLATE = {1}, {8, 32946}
WIDTH, HEIGHT, BITS, COMPRESSION, INTENT, OFFSETS = 256, 257, 258, 259, 262, 273
CHANNELS, ROWS, SIZES, PLANAR, PREDICTOR = 277, 278, 279, 284, 317
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES = 322, 323, 324, 325
FORMS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}  # of whole numbers, by a tag's type
SAVE = "save it as a TIFF in strips or tiles, uncompressed or with Deflate"


@dataclass(frozen=True, eq=False)
class LargeImage(ABC):
    """An image of which rectangles are read.

    Args:
        width, height: px.
        fingerprint: of the file, or of what it was made from.
        notes: what was done to it, in sentences.
    """

    width: int
    height: int
    fingerprint: str
    notes: tuple[str, ...]

    @abstractmethod
    def piece(self, top: int, bottom: int, left: int, right: int) -> Pixels:
        """The pixels of a rectangle inside the image, (bottom − top, right − left, 3)."""

    def mask(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.bool_] | None:  # noqa: ARG002
        """What is known of these pixels: where the planted regions are; None where nothing is."""
        return None

    def smaller(self, times: int, top: int, bottom: int, left: int, right: int) -> Pixels:
        """A rectangle so many times smaller, by the mean of its squares; its ends are cut to fit.

        It is read in bands, so that memory is that of its result and one band.
        """
        rows, columns = (bottom - top) // times, (right - left) // times
        found = np.empty((rows, columns, 3), np.uint8)
        band = max(1, MOST_HELD // (3 * max(right - left, 1) * times * 4))
        for at in range(0, rows, band):
            end = min(rows, at + band)
            part = self.piece(top + at * times, top + end * times, left, left + columns * times)
            cells = part.reshape(end - at, times, columns, times, 3)
            found[at:end] = cells.mean((1, 3), dtype=np.float32).round()
        return found


@dataclass(frozen=True, eq=False)
class WholeImage(LargeImage):
    """An image that was decoded whole."""

    pixels: Pixels

    def piece(self, top: int, bottom: int, left: int, right: int) -> Pixels:
        """As it was decoded."""
        return self.pixels[top:bottom, left:right]


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
        high, wide = self.form
        found = np.empty((bottom - top, right - left, 3), np.uint8)
        for row in range(top // high, -(-bottom // high)):
            for column in range(left // wide, -(-right // wide)):
                y, x = row * high, column * wide
                above, below = max(top, y), min(bottom, y + high)
                start, end = max(left, x), min(right, x + wide)
                part = self.unpacked(row * self.across + column)
                found[above - top : below - top, start - left : end - left] = as_color(
                    part[above - y : below - y, start - x : end - x], dark=self.dark
                )
        return found

    def unpacked(self, number: int) -> Pixels:
        """One strip or tile, (rows, columns, channels); the last strip may be shorter."""
        offset, length = self.pieces[number]
        high, wide = self.form
        if self.across == 1:
            high = min(high, self.height - number * high)
        size = high * wide * self.channels
        if not self.packed:
            body: Any = memoryview(self.data)[offset : offset + size]
        else:
            try:
                body = zlib.decompressobj().decompress(self.data[offset : offset + length], size)
            except zlib.error:
                body = b""
        if len(body) < size:
            raise BadImage("This TIFF is cut off or broken: save it anew.")
        found = np.frombuffer(body, np.uint8, size).reshape(high, wide, self.channels)
        return np.add.accumulate(found, 1, dtype=np.uint8) if self.differences else found


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
    notes = list(picture.notes)
    if (width, height) != tuple(picture.size):
        across, down = picture.size
        notes.append(f"Read at {width} × {height} of {across} × {down} px: to keep all, {SAVE}.")
    return WholeImage(width, height, fingerprint, tuple(notes), picture.pixels)


def piecewise(data: bytes, fingerprint: str, called: str) -> PiecewiseTiff | None:
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
        else (tags.get(OFFSETS, ()), tags.get(SIZES, ()))
    )  # fmt: skip
    across = -(-width // wide)
    if min(len(offsets), len(sizes)) < across * -(-height // high):
        raise BadImage(f"{called} lacks some of its pieces: save it anew.")
    how = "tile by tile" if tiled else "in strips"
    return PiecewiseTiff(
        width, height, fingerprint, (f"Read {how}, {width:,} × {height:,} px.",), data,
        tuple(zip(offsets, sizes, strict=False)), across, (high, wide), channels,
        packing not in PLAIN, first(PREDICTOR, 1) == 2, channels == 1 and intent == 0,
    )  # fmt: skip


def tags_of(data: bytes) -> Iterator[tuple[int, tuple[int, ...]]]:
    """The tags of a TIFF's first page that are whole numbers; none of a file that is cut off."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in {b"+\0", b"\0+"}
    entry, count, place = ("HHQQ", "Q", 8) if big else ("HHII", "H", 4)
    size, word = struct.calcsize(order + entry), 8 if big else 4
    try:
        (page,) = struct.unpack_from(order + ("Q" if big else "I"), data, place)
        (tags,) = struct.unpack_from(order + count, data, page)
        page += struct.calcsize(order + count)
        for at in range(page, page + tags * size, size):
            tag, form, many, offset = struct.unpack_from(order + entry, data, at)
            if form not in FORMS:
                continue
            each = order + f"{many}{FORMS[form]}"
            inside = struct.calcsize(each) <= word
            yield tag, struct.unpack_from(each, data, at + size - word if inside else offset)
    except struct.error:
        return
