"""Pictures that mean harm."""

import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

from tests.hostile.archives import Hostile
from tests.in_memory import written


def saved(form: str, size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: Any) -> bytes:
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 256, (*size[::-1], 3), np.uint8)).convert(mode)
    return written(image.save, form, **options)


# Pictures


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, color: int, body: bytes) -> bytes:
    """A PNG of 8 bits with these compressed pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b"")


def blank_png(width: int, height: int, color: int, bands: int) -> bytes:
    packer = zlib.compressobj(9)
    row = bytes(width * bands + 1)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png(width, height, color, chunk(b"IDAT", packed))


def slivers() -> bytes:
    """A PNG whose pixels come in a million parts of no bytes."""
    return png(8, 8, 2, chunk(b"IDAT", b"") * 1_000_000)


def many_scans() -> bytes:
    """A progressive JPEG whose last pass comes 3000 times."""
    plain = saved("JPEG", (256, 256), progressive=True)
    return plain[:-2] + plain[plain.rindex(b"\xff\xda") : -2] * 3000 + b"\xff\xd9"


def progressive_giant() -> bytes:
    """A progressive JPEG that says it has 65000 x 3000 px."""
    plain = saved("JPEG", progressive=True)
    at = plain.index(b"\xff\xc2") + 5
    return plain[:at] + struct.pack(">HH", 3000, 65000) + plain[at + 4 :]


def tiff(tags: list[tuple[int, int, int, int]], body: bytes = b"", following: int = 0) -> bytes:
    """A TIFF of one page with these tags: number, kind, count, value."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    page = struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)
    return b"II*\0" + struct.pack("<I", 8) + page + body


def tiff_of_tags(count: int, entry_size: int) -> bytes:
    """A TIFF whose tags all point to the same bytes."""
    start = 8 + 2 + 12 * count + 4
    return tiff([(300 + at, 7, entry_size, start) for at in range(count)], bytes(entry_size))


def tiff_ring() -> bytes:
    tags = [(256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    at = 8 + 2 + 12 * 8 + 4
    tags += [(273, 4, 1, at), (278, 3, 1, 1), (279, 4, 1, 1)]
    return tiff(tags, b"\x80", following=8)


GIF_HEAD = b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0, 0, 0)


def gif_of_notes() -> bytes:
    """A GIF with 300 000 comments before its picture."""
    return GIF_HEAD + b"\x21\xfe\x01x\x00" * 300_000 + b"\x3b"


def gif_of_blocks() -> bytes:
    """A GIF with a comment of two million blocks of one byte."""
    return GIF_HEAD + b"\x21\xfe" + b"\x01x" * 2_000_000 + b"\x00\x3b"


def bmp_of_runs() -> bytes:
    """A BMP of 10 000 x 10 000 px, run by run of one pixel."""
    head = struct.pack("<IiiHHIIiiII", 40, 10_000, 10_000, 1, 8, 1, 0, 0, 0, 256, 0)
    body = b"\x01\x07" * 8_000_000
    start = 14 + 40 + 1024
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + head + bytes(1024) + body


def pointing_tiff(
    order: str, big: bool, page: int | None = None, length: int = 1, place: int = 0
) -> bytes:
    """A TIFF with one tag and nothing else: where its page, and where the tag's values are."""
    word, head, entry = ("Q", "Q", "HHQQ") if big else ("I", "H", "HHII")
    most = 2 ** (64 if big else 32)
    mark = {"<": b"II", ">": b"MM"}[order]
    front = mark + struct.pack(order + ("HHH" if big else "H"), *((43, 8, 0) if big else (42,)))
    first = len(front) + struct.calcsize(order + word)
    body = struct.pack(order + head, 1)
    body += struct.pack(order + entry, 273, 4, length % most, place % most)
    return front + struct.pack(order + word, (first if page is None else page) % most) + body


BEYOND = pointing_tiff("<", big=True, page=2**64 - 1)  # no offset in memory is as large

PICTURES = (
    Hostile("beyond.tif", lambda: BEYOND, "is damaged"),
    Hostile("square.png", lambda: png(65535, 65535, 2, b""), "65535 × 65535 px"),
    Hostile("alpha.png", lambda: blank_png(10_000, 9_000, 6, 4), "at most 50 million"),
    Hostile("slivers.png", slivers, "damaged"),
    Hostile("passes.jpg", many_scans, "more than 100 passes"),
    Hostile("progressive.jpg", progressive_giant, "65000 × 3000 px"),
    Hostile("tags.tif", lambda: tiff_of_tags(4000, 1_000_000), "MB of tags"),
    Hostile("more-tags.tif", lambda: tiff_of_tags(60_000, 8), "more than 4096 tags"),
    Hostile("ring.tif", tiff_ring, ""),
    Hostile("notes.gif", gif_of_notes, "20,000 frames and notes"),
    Hostile("blocks.gif", gif_of_blocks, "more than 1,000,000 blocks"),
    Hostile("runs.bmp", bmp_of_runs, ""),
)
LARGE_PICTURES = (  # allowed, and the most that is
    Hostile("whole.png", lambda: blank_png(10_000, 9_900, 2, 3), ""),
    Hostile("half.png", lambda: blank_png(10_000, 4_900, 6, 4), ""),
)
