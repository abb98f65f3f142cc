"""What a file is, by its first bytes; its name and ending are not believed.

DICOM and NIfTI have readers of their own, chosen in `reading.load` beside the one for Pillow's.
"""

import zlib
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class FileKind:
    """A sort of file: Pillow's name for it when it can be read, else what to do instead."""

    name: str
    advice: str = ""

    @property
    def readable(self) -> bool:
        """Whether Pillow reads it."""
        return self.name in FORMATS


FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP")

SAVE = "save it as PNG or JPEG"
PICTURE = "open a PNG, JPEG, TIFF, WebP, GIF, BMP, DICOM or NIfTI file"
PAIR = "convert it to the single-file form (.nii or .nii.gz)"
EXPORT = "export the picture in it as PNG or JPEG"
UNPACK = "unpack it and open one of the pictures in it"

DICOM = FileKind("a DICOM scan")
NIFTI = FileKind("a NIfTI scan")

VRS = frozenset(
    b"AE AS AT CS DA DS DT FL FD IS LO LT OB OW PN SH SL SQ SS ST TM UI UL UN US".split()
)
SCANS = {".dcm": "DICOM", ".dicom": "DICOM", ".nii": "NIfTI", ".nii.gz": "NIfTI"}
MAGIC = {b"n": NIFTI, b"p": FileKind("the header of a scan in two files (.hdr and .img)", PAIR)}

START = {  # how the file begins
    b"\x89PNG\r\n\x1a\n": FileKind("PNG"),
    b"\xff\xd8\xff": FileKind("JPEG"),
    b"II*\x00": FileKind("TIFF"),
    b"MM\x00*": FileKind("TIFF"),
    b"II+\x00": FileKind("TIFF"),
    b"MM\x00+": FileKind("TIFF"),
    b"GIF87a": FileKind("GIF"),
    b"GIF89a": FileKind("GIF"),
    b"BM": FileKind("BMP"),
    b"%PDF": FileKind("a PDF document", EXPORT),
    b"%!PS": FileKind("a PostScript document", EXPORT),
    b"\xc5\xd0\xd3\xc6": FileKind("a PostScript document", EXPORT),
    b"PK": FileKind("a zip archive or an office document", UNPACK),
    b"Rar!": FileKind("a RAR archive", UNPACK),
    b"7z\xbc\xaf\x27\x1c": FileKind("a 7-Zip archive", UNPACK),
    b"\x1f\x8b": FileKind("a gzip archive", UNPACK),
    b"8BPS": FileKind("a Photoshop document", SAVE),
    b"\x00\x00\x01\x00": FileKind("an icon (ICO)", SAVE),
    b"\x00\x00\x00\x0cjP  ": FileKind("a JPEG 2000 picture, which is not read here", SAVE),
    b"\x00\x00\x00\x0cJXL ": FileKind("a JPEG XL picture, which is not read here", SAVE),
    b"\xff\x0a": FileKind("a JPEG XL picture, which is not read here", SAVE),
    b"\x93NUMPY": FileKind("a NumPy array", SAVE),
    b"\x89HDF": FileKind("an HDF5 file", EXPORT),
}

BRANDS = {  # the first brand of an ISO media file
    b"hei": FileKind("a HEIC picture, which is not read here", SAVE),
    b"hev": FileKind("a HEIC picture, which is not read here", SAVE),
    b"mif": FileKind("a HEIF picture, which is not read here", SAVE),
    b"msf": FileKind("a HEIF picture, which is not read here", SAVE),
    b"avi": FileKind("an AVIF picture, which is not read here", SAVE),
}


def kind(data: bytes) -> FileKind:
    """What the bytes are; never an error."""
    if result := scan(data):
        return result
    if data[:4] == b"RIFF":
        return FileKind("WEBP") if data[8:12] == b"WEBP" else FileKind("a sound or a film", PICTURE)
    if data[4:8] == b"ftyp":
        return BRANDS.get(data[8:11], FileKind("a film", "save one frame of it as PNG or JPEG"))
    for start, result in START.items():
        if data.startswith(start):
            return result
    return text(data[:1024])


def scan(data: bytes) -> FileKind | None:
    """A medical scan, or None."""
    if data[128:132] == b"DICM" or bare_dicom(data):
        return DICOM
    return MAGIC.get(nifti(data))


def bare_dicom(data: bytes) -> bool:
    """Whether it begins with DICOM elements, without the usual preamble: few files do.

    The first element must be of group 2 or 8, with a kind that DICOM has or a short even length,
    and a second one of the same group or a later one must follow it.
    """
    order: Literal["little", "big"] = "big" if data[:1] == b"\x00" else "little"
    if len(data) < 20 or int.from_bytes(data[:2], order) not in {2, 8}:
        return False
    if data[4:6] in VRS:
        length = int.from_bytes(data[6:8], order)
    else:
        length = int.from_bytes(data[4:8], order)
    follows = data[8 + length : 10 + length]
    return (
        length < 128
        and length % 2 == 0
        and int.from_bytes(data[:2], order) <= int.from_bytes(follows, order) <= 0x7FE0
        and len(follows) == 2
    )


def nifti(data: bytes) -> bytes:
    """What a header says in its magic: b"n" for one file, b"p" for a pair or Analyze, else b"".

    Also inside gzip; at most 600 bytes are unpacked.
    """
    if data[:2] == b"\x1f\x8b":
        try:
            data = zlib.decompressobj(31).decompress(data[:4096], 600)
        except zlib.error:
            return b""
    if data[344:348] == b"n+1\x00" or data[4:8] == b"n+2\x00":
        return b"n"
    analyze = data[:4] in {b"\x5c\x01\x00\x00", b"\x00\x00\x01\x5c"} and len(data) >= 348
    pair = data[344:348] == b"ni1\x00" or data[4:8] == b"ni2\x00"
    return b"p" if pair or (analyze and data[38:39] == b"r") else b""


def text(head: bytes) -> FileKind:
    """Markup, plain text, or nothing known."""
    low = head.lower()
    if b"<svg" in low:
        return FileKind("an SVG drawing", EXPORT)
    if b"<html" in low or b"<!doctype html" in low:
        return FileKind("a web page", "save the picture on the page, not the page")
    if low.isspace() or not low.strip(b"\x00"):
        return FileKind("blank", PICTURE)
    try:
        decoded = head.decode("utf-8", errors="strict" if len(head) < 1024 else "ignore")
    except UnicodeDecodeError:
        decoded = "\x00"
    if all(letter.isprintable() or letter in "\r\n\t\f\ufeff" for letter in decoded):
        return FileKind("a text file", PICTURE)
    return FileKind("not a picture that is known here", PICTURE)
