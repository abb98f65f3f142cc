"""Zips and arrays of numpy that mean harm."""

import io
import struct
import warnings
import zipfile
from collections.abc import Callable
from typing import NamedTuple


class Hostile(NamedTuple):
    """A file and the words that its refusal must have."""

    name: str
    make: Callable[[], bytes]
    says: str


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that come twice
        with zipfile.ZipFile(buffer, "w", method) as archive:
            for name, body in files.items():
                archive.writestr(name, body)
    return buffer.getvalue()


def long_directory() -> bytes:
    """An archive whose table of contents lists 300 000 files, none of which is there."""
    line = b"PK\x01\x02" + bytes(24) + struct.pack("<HHH", 3, 0, 0) + bytes(12) + b"a/b"
    body = line * 300_000
    return body + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 65535, 65535, len(body), 0, 0)


ZIPS = (
    Hostile("deep.zip", lambda: zipped({"a/" * 9000 + "1.png": b"x"}), "folders inside each other"),
    Hostile("directory.zip", long_directory, "holds 300,000 files"),
    Hostile("ratio.zip", lambda: zipped({"a/1.png": bytes(60_000_000)}), "times its size"),
    Hostile("lzma.zip", lambda: zipped({"a/1.png": b"x"}, zipfile.ZIP_LZMA), "a rare way"),
    Hostile("outside.zip", lambda: zipped({"../1.png": b"x"}), "reaches outside"),
)


def npz(header: str) -> bytes:
    """A MedMNIST file whose first array has this header."""
    encoded = header.encode() + b"\n"
    body = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(encoded)) + encoded
    names = [f"{part}_{kind}" for part in ("train", "val", "test") for kind in ("images", "labels")]
    return zipped({f"{name}.npy": body for name in names})


def npy(shape: str, kind: str = "'|u1'") -> str:
    """A header as numpy writes it."""
    return f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}}}"


ARRAYS = (
    Hostile("token.npz", lambda: npz("{'descr': '|u1"), "damaged"),
    Hostile("brackets.npz", lambda: npz("(" * 3000), "damaged"),
    Hostile("bytes.npz", lambda: npz("\x00\xff"), "damaged"),
    Hostile("giant.npz", lambda: npz(npy("(10, 99999999999, 28)")), "not as long as its header"),
    Hostile("below.npz", lambda: npz(npy("(-1, -28, 28)")), "not as long as its header"),
    Hostile("objects.npz", lambda: npz(npy("(1,)", "'|O'")), "pickled objects"),
    Hostile("kind.npz", lambda: npz(npy("(1,)", "[('a', 3)]")), "damaged"),
)
