"""Members of a zip that cannot be read, one of each kind, and zips with one of them.

Each kind takes a zip and the name of a member in it, and makes that member bad.
"""

import struct
from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.hostile.archives import zipped

FLAGS, METHOD, CRC, PACKED, SIZE, OFFSET = 8, 10, 16, 20, 24, 42  # in the table of contents


def entry(data: bytes | bytearray, name: str) -> int:
    """Where the member's line in the table of contents begins."""
    return data.rindex(b"PK\x01\x02", 0, data.rindex(name.encode()))


def patched(data: bytes, name: str, field: int, form: str, change: Callable[[int], int]) -> bytes:
    """The zip with one number of the member's line changed."""
    patched_bytes = bytearray(data)
    at = entry(patched_bytes, name) + field
    (number,) = struct.unpack_from(form, patched_bytes, at)
    struct.pack_into(form, patched_bytes, at, change(number))
    return bytes(patched_bytes)


def garbled(data: bytes, name: str) -> bytes:
    """The zip with the member's packed bytes overwritten."""
    garbled_bytes = bytearray(data)
    (start,) = struct.unpack_from("<I", garbled_bytes, entry(garbled_bytes, name) + OFFSET)
    begin = start + 30 + len(name)
    (packed,) = struct.unpack_from("<I", garbled_bytes, entry(garbled_bytes, name) + PACKED)
    garbled_bytes[begin : begin + packed] = b"\xff" * packed
    return bytes(garbled_bytes)


BAD: dict[str, Callable[[bytes, str], bytes]] = {
    "locked": lambda data, name: patched(data, name, FLAGS, "<H", lambda flags: flags | 1),
    "wrong checksum": lambda data, name: patched(data, name, CRC, "<I", lambda crc: crc ^ 1),
    "unknown compression": lambda data, name: patched(data, name, METHOD, "<H", lambda _: 99),
    "lzma": lambda data, name: patched(data, name, METHOD, "<H", lambda _: 14),
    "cut off": lambda data, name: patched(data, name, PACKED, "<I", lambda size: size // 2),
    "lying size": lambda data, name: patched(data, name, SIZE, "<I", lambda size: size - 1),
    "garbled": garbled,
    "elsewhere": lambda data, name: patched(data, name, OFFSET, "<I", lambda at: at + 1),
    "behind the end": lambda data, name: patched(data, name, OFFSET, "<I", lambda _: len(data)),
}


def damaged(whole: bytes) -> SearchStrategy[bytes]:
    """The file with up to six of its bytes changed, or cut off somewhere."""
    place = st.integers(0, len(whole) - 1)

    def changed(new: dict[int, int]) -> bytes:
        return bytes(new.get(at, old) for at, old in enumerate(whole))

    changes = st.dictionaries(place, st.integers(0, 255), min_size=1, max_size=6)
    return changes.map(changed) | place.map(lambda end: whole[:end])


def zip_with(files: dict[str, bytes], bad: str, kind: str) -> bytes:
    """A zip of some files, of which the one of that name is bad in that way."""
    return BAD[kind](zipped(files), bad)
