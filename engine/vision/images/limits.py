"""Limits on pictures that can be read off a file's bytes before a decoder sees them.

The reader process ends whatever takes too much; these say sooner and better what is wrong.
"""

from engine.core.errors import BadImage
from engine.vision.images.kinds import FileKind
from engine.vision.images.tiff_entries import MOST_TAGS, tiff_entries

MOST_SCANS = 100  # passes over a progressive JPEG; usual are about ten
MOST_TAG_BYTES = 16_000_000  # of all values of a TIFF page's tags
MOST_BLOCKS = 1_000_000  # of at most 255 bytes, in a GIF
MOST_PARTS = 20_000  # frames and notes of a GIF
END_OF_IMAGE, START_OF_SCAN = 0xD9, 0xDA  # markers of a JPEG
SAVE = "save it anew as PNG or JPEG"


def check(data: bytes, file_kind: FileKind, called: str) -> None:
    """Raise BadImage for a file whose parts no picture has."""
    excess = {"JPEG": jpeg, "TIFF": tiff, "GIF": gif}.get(file_kind.name)
    if excess and (words := excess(data)):
        raise BadImage(f"{called} has {words}: {SAVE}.")


def jpeg(data: bytes) -> str:
    """What is too much of a JPEG: passes, each over the whole picture.

    Segments are stepped over by their length, and what comes after the end does not count: a
    phone's picture may carry a film there.
    """
    at, passes = 2, 0
    while (at := data.find(b"\xff", at)) >= 0 and at + 4 <= len(data):
        marker = data[at + 1]
        if marker == END_OF_IMAGE:
            break
        if marker in {0x00, 0x01, 0xFF} or 0xD0 <= marker <= 0xD8:  # no segment: data, or filling
            at += 1
            continue
        passes += marker == START_OF_SCAN
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return f"more than {MOST_SCANS} passes" if passes > MOST_SCANS else ""


def tiff(data: bytes) -> str:
    """What is too much of a TIFF's first page: tags, or the bytes that they point to.

    Tags may point to the same bytes, so that there can be more of them than the file has.
    """
    entries = tiff_entries(data)
    if len(entries) > MOST_TAGS:
        return f"more than {MOST_TAGS} tags"
    total = sum(entry.size for entry in entries)
    return f"{total / 1e6:,.0f} MB of tags" if total > MOST_TAG_BYTES else ""


def gif(data: bytes) -> str:
    """What is too much of a GIF: frames and notes, or the blocks that they consist of."""
    at = 13 + (3 << (data[10] & 7) + 1 if len(data) > 10 and data[10] & 128 else 0)
    parts = blocks = 0
    while at + 10 < len(data) and data[at] in b"\x21\x2c":
        parts += 1
        if data[at] == 0x21:
            at += 2
        else:
            at += 11 + (3 << (data[at + 9] & 7) + 1 if data[at + 9] & 128 else 0)
        while at < len(data) and data[at]:
            at += data[at] + 1
            blocks += 1
            if blocks > MOST_BLOCKS:
                return f"more than {MOST_BLOCKS:,} blocks"
        at += 1
        if parts > MOST_PARTS:
            return f"more than {MOST_PARTS:,} frames and notes"
    return ""
