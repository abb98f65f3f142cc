"""Limits on a DICOM file that hold before its parts are made into objects, or are unpacked."""

import zlib
from itertools import pairwise
from typing import Any

from pydicom.tag import Tag

from engine.core.errors import BadImage
from engine.vision.images.room import require_room

MAX_UNPACKED = 100_000_000  # bytes of a deflated file
DEEPEST = 1032  # times that deflate makes anything smaller
COPIES = 5  # of a file that are held while it is read
MOST_ITEMS = 100_000  # of sequences, and pieces of compressed pixels
MOST_VALUE = 4096  # bytes of a value that is read as numbers or words
MOST_TABLE = 2 * 2**16  # bytes of a lookup table
MOST_OFFSETS = 8 * MOST_ITEMS  # bytes of a table of where frames begin

DEFLATED = b"1.2.840.10008.1.2.1.99"
PREAMBLE = 132
PADDED, SPARE = 2, 1024  # times and bytes that a coded segment may be longer than its pixels
LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())  # kinds with a long length
ITEMS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
EXPORT = "export it uncompressed from the viewer or archive that it comes from"
TABLES = ("LUTData", "ColorLookupTableData")
FREE = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def inflated(data: bytes) -> bytes:
    """The file, its data set unpacked when it is deflated; BadImage when that is too much."""
    start = PREAMBLE if data[128:132] == b"DICM" else 0
    end = end_of_meta(data, start)
    if DEFLATED not in data[start:end]:
        return data
    require_room(
        COPIES * min(MAX_UNPACKED, DEEPEST * len(data)), min(MAX_UNPACKED, DEEPEST * len(data))
    )
    # raw deflate, without zlib's header (PS3.5 A.5)
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    plain = unpacking.decompress(memoryview(data)[end:], MAX_UNPACKED)
    if unpacking.unconsumed_tail:
        raise BadImage(f"unpacks to more than {MAX_UNPACKED / 1e6:.0f} MB: {EXPORT}")
    return plain


def end_of_meta(data: bytes, start: int) -> int:
    """Where the elements of group 2 end, which are never deflated.

    They are walked through, whether or not the file says how long they are together.
    """
    at = start
    while data[at : at + 2] == b"\x02\x00" and at + 8 <= len(data):
        if data[at + 4 : at + 6] in LONG:
            at += 12 + int.from_bytes(data[at + 8 : at + 12], "little")
        else:
            at += 8 + int.from_bytes(data[at + 6 : at + 8], "little")
    return min(at, len(data))


def check_items(plain: bytes) -> None:
    """Refuse a file of more items than can be made into objects; where they are does not matter."""
    if max(plain.count(item) for item in ITEMS) > MOST_ITEMS:
        raise BadImage(f"has more than {MOST_ITEMS} pieces of data: {EXPORT}")


def check_lengths(header: Any) -> None:
    """Refuse a value that is longer than any of its sort, before it is read."""
    for tag in header.keys():  # noqa: SIM118 - a data set gives its elements otherwise
        if too_long(header, tag):
            raise BadImage("has a value that is far too long in its header: export it again")


def too_long(header: Any, name: Any) -> bool:
    """Whether an element, not yet read, is longer than any of its sort."""
    tag = Tag(name)
    element = header.get_item(tag) if tag in header else None
    value = getattr(element, "value", None)
    return isinstance(value, bytes) and len(value) > longest(element)


def longest(element: Any) -> int:
    """Bytes that a value may have."""
    from pydicom.datadict import keyword_for_tag

    word = keyword_for_tag(element.tag)
    if word in FREE or word.endswith("Sequence"):  # as long as the file; items are counted
        return MAX_UNPACKED
    if word.endswith(TABLES):
        return MOST_TABLE
    return MOST_OFFSETS if word.startswith("ExtendedOffsetTable") else MOST_VALUE


def check_rle(frame: bytes, pixels: int) -> None:
    """Refuse a run-length coded frame of which a segment has far more bytes than pixels."""
    count, *starts = (int.from_bytes(frame[at : at + 4], "little") for at in range(0, 64, 4))
    edges = [*starts[:count], len(frame)]
    for start, end in pairwise(edges):
        if run_length(frame[start:end], PADDED * pixels + SPARE) > PADDED * pixels + SPARE:
            raise BadImage("is inconsistent: its compressed image is larger than it says")


def run_length(segment: bytes, most: int) -> int:
    """Bytes that a segment unpacks to; counting stops beyond the most."""
    at = length = 0
    while at < len(segment) and length <= most:
        code = segment[at]
        if code < 128:  # so many bytes as they are
            length += code + 1
            at += code + 2
        else:  # one byte repeated; 128 does nothing
            length += 257 - code if code > 128 else 0
            at += 2 if code > 128 else 1
    return length
