"""What a file is, by its first bytes; its name and ending are not believed.

DICOM and NIfTI are recognized here and refused for now; their readers will be chosen by
`Kind.name` in `picture.read`, beside the one for Pillow's formats.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A sort of file: Pillow's name for it when it can be read, else what to do instead."""

    name: str
    advice: str = ""

    @property
    def readable(self) -> bool:
        """Whether Pillow reads it."""
        return self.name in FORMATS


FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP")

SAVE = "save it as PNG or JPEG"
LATER = "scans come in a later version; until then save the slice as PNG"
PICTURE = "open a PNG, JPEG, TIFF, WebP, GIF or BMP picture"
EXPORT = "export the picture in it as PNG or JPEG"
UNPACK = "unpack it and open one of the pictures in it"

START = {  # how the file begins
    b"\x89PNG\r\n\x1a\n": Kind("PNG"),
    b"\xff\xd8\xff": Kind("JPEG"),
    b"II*\x00": Kind("TIFF"),
    b"MM\x00*": Kind("TIFF"),
    b"II+\x00": Kind("TIFF"),
    b"MM\x00+": Kind("TIFF"),
    b"GIF87a": Kind("GIF"),
    b"GIF89a": Kind("GIF"),
    b"BM": Kind("BMP"),
    b"%PDF": Kind("a PDF document", EXPORT),
    b"%!PS": Kind("a PostScript document", EXPORT),
    b"\xc5\xd0\xd3\xc6": Kind("a PostScript document", EXPORT),
    b"PK": Kind("a zip archive or an office document", UNPACK),
    b"Rar!": Kind("a RAR archive", UNPACK),
    b"7z\xbc\xaf\x27\x1c": Kind("a 7-Zip archive", UNPACK),
    b"\x1f\x8b": Kind("a gzip archive", UNPACK),
    b"8BPS": Kind("a Photoshop document", SAVE),
    b"\x00\x00\x01\x00": Kind("an icon (ICO)", SAVE),
    b"\x00\x00\x00\x0cjP  ": Kind("a JPEG 2000 picture, which is not read here", SAVE),
    b"\x00\x00\x00\x0cJXL ": Kind("a JPEG XL picture, which is not read here", SAVE),
    b"\xff\x0a": Kind("a JPEG XL picture, which is not read here", SAVE),
    b"\x93NUMPY": Kind("a NumPy array", SAVE),
    b"\x89HDF": Kind("an HDF5 file", EXPORT),
}

BRANDS = {  # the first brand of an ISO media file
    b"hei": Kind("a HEIC picture, which is not read here", SAVE),
    b"hev": Kind("a HEIC picture, which is not read here", SAVE),
    b"mif": Kind("a HEIF picture, which is not read here", SAVE),
    b"msf": Kind("a HEIF picture, which is not read here", SAVE),
    b"avi": Kind("an AVIF picture, which is not read here", SAVE),
}


def kind(data: bytes) -> Kind:
    """What the bytes are; never an error."""
    if data[128:132] == b"DICM":
        return Kind("a DICOM scan", LATER)
    if nifti(data):
        return Kind("a NIfTI scan", LATER)
    if data[:4] == b"RIFF":
        return Kind("WEBP") if data[8:12] == b"WEBP" else Kind("a sound or a film", PICTURE)
    if data[4:8] == b"ftyp":
        return BRANDS.get(data[8:11], Kind("a film", "save one frame of it as PNG or JPEG"))
    for start, found in START.items():
        if data.startswith(start):
            return found
    return text(data[:1024])


def nifti(data: bytes) -> bool:
    """Whether the header is NIfTI's, also inside gzip; at most 400 bytes are unpacked."""
    if data[:2] == b"\x1f\x8b":
        try:
            data = zlib.decompressobj(31).decompress(data[:4096], 400)
        except zlib.error:
            return False
    return data[344:348] in {b"n+1\x00", b"ni1\x00"} or data[4:8] in {b"n+2\x00", b"ni2\x00"}


def text(head: bytes) -> Kind:
    """Markup, plain text, or nothing known."""
    low = head.lower()
    if b"<svg" in low:
        return Kind("an SVG drawing", EXPORT)
    if b"<html" in low or b"<!doctype html" in low:
        return Kind("a web page", "save the picture on the page, not the page")
    if low.isspace() or not low.strip(b"\x00"):
        return Kind("blank", PICTURE)
    try:
        said = head.decode("utf-8", errors="strict" if len(head) < 1024 else "ignore")
    except UnicodeDecodeError:
        said = "\x00"
    if all(letter.isprintable() or letter in "\r\n\t\f\ufeff" for letter in said):
        return Kind("a text file", PICTURE)
    return Kind("not a picture that is known here", PICTURE)
