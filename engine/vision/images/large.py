"""Images too large to decode whole: any rectangle of them is read by itself.

A TIFF that is not compressed, or by JPEG, Deflate or LZW, is read strip by strip or tile by tile:
its pieces are opened in the reader process, many of them at a time. What a file takes is added up
over all of them. Every other format is decoded whole, and up to 16 million pixels are kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from time import monotonic, thread_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadImage
from engine.vision.decoding_guard import decoding_guard
from engine.vision.images.kinds import kind
from engine.vision.images.large_base import LargeImage, Pixels, WholeImage
from engine.vision.images.limits import MOST_TAG_BYTES, check
from engine.vision.images.picture import shown_name
from engine.vision.images.reader import send_request
from engine.vision.images.reading import read
from engine.vision.images.tiff_entries import (
    MOST_TAGS,
    WHOLE_NUMBERS,
    Tag,
    tiff_entries,
    whole_numbers,
)
from engine.vision.images.tiles import SPARE, UNDEFINED, Rectangle, TileGrid, request, squares_of
from engine.vision.images.turned import TRANSPOSED, upright

MAX_MB = 500  # of the file
MOST_PIXELS = 1_000_000_000  # by the header; its overview takes half a minute
MOST_SIDE = 250_000  # px
LONGEST = 500  # times as long as wide: beyond it, an overview would be a line
MOST_PIECE = 64_000_000  # bytes of a strip or tile, unpacked
MOST_WHOLE = 32_000_000  # px of an image that is decoded whole
BATCH = 8_000_000  # bytes of strips or tiles that are unpacked together
CPU_FIRST, CPU_BY_MB = 5.0, 0.25  # seconds of computing for a file, and for each MB of it
CPU_RATE = 0.05  # more for each second that it is open
MOST_TABLES = 10_000  # bytes of what the JPEGs of a file share
PLAIN, LZW, JPEG, DEFLATE = 1, 5, 7, {8, 32946}
YCBCR = 6  # intent: brightness and two colors, as JPEGs have them
CODEC = (Tag.COMPRESSION, Tag.INTENT, Tag.PREDICTOR, Tag.TABLES, Tag.SUBSAMPLING)
SAVE = "save it as a TIFF in strips or tiles, uncompressed or with JPEG, Deflate or LZW"


@dataclass(eq=False)
class CpuAllowance:
    """Seconds of computing that one file may take, over all of its pieces.

    A file of many bytes may take long to unpack; one of few that takes long is made to. What was
    spent is forgiven at a slow rate, so that an image can be looked at for hours.

    Args:
        nbytes: of the file.
    """

    nbytes: int
    spent: float = 0.0
    begun: float = field(default_factory=monotonic)

    @property
    def allowed(self) -> float:
        """Seconds that may have been spent by now."""
        return CPU_FIRST + CPU_BY_MB * self.nbytes / 1e6 + CPU_RATE * (monotonic() - self.begun)

    def charge(self, seconds: float) -> None:
        """Count some seconds. Raises BadImage when they are more than the file may take."""
        self.spent += seconds
        if self.spent > self.allowed:
            raise BadImage(
                f"This TIFF has {self.nbytes / 1e6:,.1f} MB and took {self.spent:.0f} seconds of "
                f"computing to unpack, more than a file of its size may: {SAVE}."
            )


@dataclass(frozen=True, eq=False)
class PiecewiseTiff(LargeImage):
    """A TIFF whose strips or tiles are unpacked when they are asked for, in the reader process.

    Those that are not packed are cut from the file here.

    Args:
        data: the file.
        pieces: of each strip or tile, offset and length in the file.
        grid: how they lie.
        dark: whether a gray image has white as 0.
        cpu: what unpacking may take.
    """

    data: bytes
    pieces: tuple[tuple[int, int], ...]
    grid: TileGrid
    dark: bool
    cpu: CpuAllowance

    def piece(self, top: int, bottom: int, left: int, right: int) -> Pixels:
        """Put together from the strips or tiles that it touches."""
        pixels = np.empty((bottom - top, right - left, 3), np.uint8)
        for part in self.grid.batches((top, bottom, left, right), BATCH):
            y, below, x, end = part
            part_pixels = self.asked(part)
            pixels[y - top : below - top, x - left : end - left] = as_color(
                part_pixels, dark=self.dark
            )
        return pixels

    def smaller(self, times: int, top: int, bottom: int, left: int, right: int) -> Pixels:
        """As of any image; each strip or tile is unpacked once, however the squares lie over it."""
        rows, columns = (bottom - top) // times, (right - left) // times
        total = np.zeros((rows, columns, self.grid.channels), np.uint32)
        rectangle = top, top + rows * times, left, left + columns * times
        for part in self.grid.batches(rectangle, BATCH):
            down, across = squares_of(part, times, (top, left))
            sums = self.asked(part, times=times, origin=(top, left))
            total[down.start : down.stop, across.start : across.stop] += sums
        mean = np.rint(total / np.float32(times**2)).astype(np.uint8)
        return np.broadcast_to(as_color(mean, dark=self.dark), (rows, columns, 3)).copy()

    def asked(self, rectangle: Rectangle, **sums: Any) -> NDArray[Any]:
        """The pixels of a rectangle (rows, columns, channels), or its sums."""
        self.cpu.charge(0.0)  # what has run out is not tried again
        bodies = {number: self.body(number) for number in self.grid.numbers(rectangle)}
        if self.grid.codec:
            joined = np.frombuffer(b"".join(bodies.values()), np.uint8)
            reply, (pixels,) = send_request(
                "This TIFF", request(self.grid, rectangle, bodies, **sums), [joined]
            )
            self.cpu.charge(reply["seconds"])
            return pixels
        begun = thread_time()
        pixels = (self.grid.sums if sums else self.grid.whole)(rectangle, bodies, **sums)
        self.cpu.charge(thread_time() - begun)
        return pixels

    def body(self, number: int) -> memoryview:
        """What a strip or tile has in the file; of what claims to be long, as much as it may be."""
        offset, length = self.pieces[number]
        size = self.grid.piece_bytes
        most = min(length, 2 * size + SPARE) if self.grid.codec else size
        return memoryview(self.data)[offset : offset + most]


def as_color(part: Pixels, *, dark: bool) -> Pixels:
    """Gray, RGB or RGB with alpha as RGB; alpha is left out."""
    part = part[..., :3]
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
    result = kind(data)
    if result.name == "TIFF":
        check(data, result, called)
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

    width, height, channels = first(Tag.WIDTH), first(Tag.HEIGHT), first(Tag.CHANNELS, 1)
    packing, intent = first(Tag.COMPRESSION, 1), first(Tag.INTENT, 1)
    is_packed = packing != PLAIN
    is_supported = packing in {PLAIN, LZW, JPEG, *DEFLATE} and channels in {1, 3, 4}
    is_supported &= first(Tag.PLANAR, 1) == 1 and len(tags.get(Tag.TABLES, ())) <= MOST_TABLES
    is_supported &= set(tags.get(Tag.BITS, (1,))) == {8} and first(Tag.PREDICTOR, 1) in {1, 2}
    colors = {2, YCBCR} if packing == JPEG and channels == 3 else {2}
    is_supported &= intent in ({0, 1} if channels == 1 else colors)
    if not is_supported or not width or not height:
        return None
    if width * height > MOST_PIXELS:
        raise BadImage(
            f"{called} has {width:,} × {height:,} px: the most is {MOST_PIXELS / 1e9:.0f} billion."
        )
    check_sides(width, height, called)
    tiled = Tag.TILE_OFFSETS in tags
    wide, high = (
        (first(Tag.TILE_WIDTH), first(Tag.TILE_HEIGHT))
        if tiled
        else (width, min(first(Tag.ROWS, height), height))
    )
    if not wide or not high:
        return None
    if is_packed and wide * high * channels > MOST_PIECE:
        if packing in {LZW, JPEG}:
            return None
        raise BadImage(f"{called} is compressed in pieces of {wide:,} × {high:,} px: {SAVE}.")
    offsets, sizes = (
        (tags.get(Tag.TILE_OFFSETS, ()), tags.get(Tag.TILE_SIZES, ()))
        if tiled
        else (tags.get(Tag.OFFSETS, ()), tags.get(Tag.LENGTHS, ()))
    )
    across = -(-width // wide)
    if min(len(offsets), len(sizes)) < across * -(-height // high):
        raise BadImage(f"{called} lacks some of its pieces: save it anew.")
    how = "tile by tile" if tiled else "in strips"
    # a predictor belongs to the codec: in uncompressed files it says nothing
    tags[Tag.INTENT] = (intent or 1,)  # white as 0 is turned by `as_color`
    codec = [(tag, tags[tag][:MOST_TABLES]) for tag in CODEC if tags.get(tag)] if is_packed else []
    grid = TileGrid(height, across, (high, wide), channels, codec)
    lying = PiecewiseTiff(
        width,
        height,
        fingerprint,
        (f"Read {how}, {width:,} × {height:,} px.",),
        data,
        tuple(zip(offsets, sizes, strict=False)),
        grid,
        channels == 1 and intent == 0,
        CpuAllowance(len(data)),
    )
    orientation = first(Tag.ORIENTATION, 1)
    if orientation in TRANSPOSED and not tiled:  # each of its columns touches every strip
        return upright(decode_image(lying, called), orientation)
    return upright(lying, orientation)


def decode_image(lying: PiecewiseTiff, called: str) -> WholeImage:
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
        is_table = (entry.tag, entry.form) == (Tag.TABLES, UNDEFINED)
        if entry.tag in set(Tag) and (entry.form in WHOLE_NUMBERS or is_table):
            yield entry.tag, whole_numbers(data, entry)
