"""Zip archives from strangers: looked through before a single byte is unpacked.

Nothing is ever written to the disk. What a member says of its own size is held to: no more is
unpacked, and a member that lied is damaged.
"""

import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from lzma import LZMAError
from pathlib import Path, PurePosixPath, PureWindowsPath
from tokenize import TokenError
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadData, BadImage
from engine.vision.decoding_guard import decoding_guard
from engine.vision.images import unpacking
from engine.vision.images.reader import send_request

MAX_ARCHIVE = 500_000_000  # bytes of the file itself
MAX_UNPACKED = 2_000_000_000  # bytes of all members together
MAX_MEMBERS = 50_000
MAX_RATIO = 200  # unpacked to packed; pictures hardly pack at all
PLAIN = 20_000_000  # unpacked bytes below which no ratio is suspicious
MAX_DIRECTORY = 20_000_000  # bytes of the table of contents
MAX_DEPTH = 32  # folders inside each other
MAX_PATH = 1000  # letters of a path
METHODS = {ZIP_STORED, ZIP_DEFLATED}  # others ask for memory before they give a byte
ENTRY = b"PK\x01\x02"  # how each line of the table of contents begins
LOCAL, LOCAL_ENTRY = 30, b"PK\x03\x04"  # bytes before a member's own name, and their beginning
END, END_64 = b"PK\x05\x06", b"PK\x06\x07"  # where it says its length; the second for giants
TAIL = 2**16 + 64  # bytes at the end among which that stands
ENCRYPTED = 1  # bit of a member's flags
DAMAGED = (  # what a broken member raises while it is read
    *(BadZipFile, EOFError, LZMAError, NotImplementedError, OSError, RuntimeError, ValueError),
    zlib.error,
)
DAMAGED_MEMBER = unpacking.DAMAGED
NO_ARRAY = (  # what numpy raises for a broken array or one whose header is no table of three words
    *DAMAGED,
    *(AttributeError, LookupError, MemoryError, RecursionError, SyntaxError, TokenError, TypeError),
)


@contextmanager
def open_archive(source: bytes | Path, called: str) -> Iterator[ZipFile]:
    """The archive, after its table of contents was checked.

    Raises:
        BadData: it is no zip, too large, packed suspiciously tight, locked, or reaches outside.
    """
    with decoding_guard(called, BadData):
        archive = open_unguarded(source, called)
    with archive:
        yield archive


def open_unguarded(source: bytes | Path, called: str) -> ZipFile:
    """The archive, as `open_archive` gives it, without the guard around foreign bytes."""
    try:
        size = source.stat().st_size if isinstance(source, Path) else len(source)
        if size > MAX_ARCHIVE:
            raise BadData(
                f"{called} has {size / 1e6:,.0f} MB, and at most {MAX_ARCHIVE / 1e6:.0f} MB are "
                "read: take fewer or smaller pictures."
            )
        check_directory(source, size, called)
        archive = ZipFile(source if isinstance(source, Path) else BytesIO(source))
    except BadZipFile as error:
        raise BadData(f"{called} is not a zip archive, or is damaged: save it again.") from error
    except OSError as error:
        why = (error.strerror or "no reason given").lower()
        raise BadData(f"{called} cannot be opened ({why}): check the path.") from error
    check(archive.infolist(), size, called)
    return archive


def check_directory(source: bytes | Path, size: int, called: str) -> None:
    """Raise BadData for a table of contents too long to be read at all.

    `zipfile` reads the whole of it before it tells how many files there are. Where its length
    stands, at the end of the file, is found as `zipfile` finds it.
    """
    tail = last(source, size, TAIL)
    short = tail[-22:].startswith(END) and tail.endswith(b"\0\0")  # nothing said after it
    place = len(tail) - 22 if short else tail.rfind(END)
    length = int.from_bytes(tail[place + 12 : place + 16], "little")
    if place < 0:
        return
    if length > MAX_DIRECTORY or tail[:place][-20:].startswith(END_64):
        raise BadData(
            f"{called} holds more files or larger ones than are read: at most {MAX_MEMBERS:,} "
            f"files, {MAX_ARCHIVE / 1e6:.0f} MB in all."
        )
    # every file that `zipfile` will list begins with ENTRY in these bytes
    count = last(source, size, length + len(tail) - place).count(ENTRY)
    if count > MAX_MEMBERS:
        raise BadData(f"{called} holds {count:,} files, and at most {MAX_MEMBERS:,} are read.")


def last(source: bytes | Path, size: int, count: int) -> bytes:
    """So many bytes at the end of the archive."""
    if isinstance(source, bytes):
        return source[-count:]
    with source.open("rb") as file:
        file.seek(max(0, size - count))
        return file.read()


def check(members: list[ZipInfo], size: int, called: str) -> None:
    """Raise BadData for what no honest archive holds."""
    for member in members:
        if member.filename.replace("\\", "/").count("/") > MAX_DEPTH:
            raise BadData(
                f"{called} has more than {MAX_DEPTH} folders inside each other: nothing was read."
            )
        if len(member.filename) > MAX_PATH:
            raise BadData(f"{called} holds a path of more than {MAX_PATH} letters: shorten it.")
        if outside(member.filename):
            raise BadData(
                f"{called} holds the path {short_path(member.filename)}, which reaches outside its "
                "folder: nothing was read."
            )
        if stat.S_ISLNK(member.external_attr >> 16):
            raise BadData(
                f"{called} holds the link {short_path(member.filename)}: put the files "
                "themselves in."
            )
    total = sum(member.file_size for member in members)
    if total > MAX_UNPACKED:
        raise BadData(
            f"{called} unpacks to {total / 1e9:,.1f} GB, and at most {MAX_UNPACKED / 1e9:.0f} GB "
            "are read: take fewer or smaller files."
        )
    if total > PLAIN and total > MAX_RATIO * size:
        raise BadData(
            f"{called} unpacks to {total / size:,.0f} times its size, as pictures never do: "
            "nothing was read."
        )


def outside(name: str) -> bool:
    """Whether a path is absolute, names a drive, or climbs up."""
    windows = PureWindowsPath(name)
    absolute = PurePosixPath(name).is_absolute() or bool(windows.anchor)
    return absolute or ".." in windows.parts or "\0" in name


def unreadable(member: ZipInfo) -> str:
    """Why a member cannot be unpacked, in a sentence; "" where nothing is known against it."""
    if member.flag_bits & ENCRYPTED:
        return "It is locked with a password: save the zip without one."
    if member.compress_type not in METHODS:
        return "It is packed in a rare way: save the zip as a usual one (deflate)."
    return ""


def compressed_bytes(
    archive: ZipFile, member: ZipInfo, most: int = MAX_ARCHIVE
) -> NDArray[np.uint8]:
    """The bytes of a member as they lie in the archive, the first `most` of them.

    Raises:
        BadImage: it is locked, packed in a rare way, or not where the archive says.
    """
    if why := unreadable(member):
        raise BadImage(why)
    file = archive.fp
    assert file is not None  # noqa: S101  # for mypy: it is open
    if member.header_offset < 0:  # zipfile shifts places to where the archive seems to begin
        raise BadImage(DAMAGED_MEMBER)
    file.seek(member.header_offset)
    local = file.read(LOCAL)
    if not local.startswith(LOCAL_ENTRY) or len(local) < LOCAL:
        raise BadImage(DAMAGED_MEMBER)
    name_length, extra_length = (int.from_bytes(local[at : at + 2], "little") for at in (26, 28))
    file.seek(name_length + extra_length, 1)
    data = file.read(min(member.compress_size, most))
    if len(data) < min(member.compress_size, most):
        raise BadImage(DAMAGED_MEMBER)
    return np.frombuffer(data, np.uint8)


def request(member: ZipInfo, kind: str) -> dict[str, Any]:
    """The words by which a reader is asked about a member."""
    return {
        "ask": kind,
        "deflated": member.compress_type == ZIP_DEFLATED,
        "size": member.file_size,
        "crc": member.CRC,
    }


def contents(archive: ZipFile, member: ZipInfo, most: int = MAX_UNPACKED) -> bytes:
    """The bytes of a member, the first `most` of them, unpacked in the reader process.

    Raises:
        BadImage: it is broken or locked, or there is no memory for it.
    """
    _, (data,) = send_request(
        short_path(member.filename),
        {**request(member, "member"), "most": most},
        [compressed_bytes(archive, member)],
    )
    return data.tobytes()


def short_path(name: str) -> str:
    """A path inside the archive, on one line, shortened."""
    line = "".join(letter if letter.isprintable() else " " for letter in name)
    return f"“{line if len(line) <= 60 else '…' + line[-59:]}”"
