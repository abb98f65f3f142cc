"""DICOM and NIfTI files that mean harm."""

import gzip
import struct
import zlib

import numpy as np

from tests import scans
from tests.hostile.archives import Hostile


def deflated(length: bool) -> bytes:
    """A deflated DICOM file that grows to 120 MB, with or without the length of its first group."""
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    content = scans.written(scans.dataset(scans.ramp(), DeflatedExplicitVRLittleEndian))
    start = 144 + int.from_bytes(content[140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(packer.compress(bytes(10_000_000)) for _ in range(12)) + packer.flush()
    return (content[:start] if length else content[:132] + content[144:start]) + bomb


def element(group: int, number: int, kind: bytes, body: bytes) -> bytes:
    """An element of explicit kind with a long length."""
    return struct.pack("<HH2sHI", group, number, kind, 0, len(body)) + body


def before_pixels(extra: bytes) -> bytes:
    whole = scans.dicom(scans.ramp())
    at = whole.index(b"\xe0\x7f\x10\x00OW")
    return whole[:at] + extra + whole[at:]


def long_value() -> bytes:
    """A DICOM file whose PixelPaddingValue is a million words."""
    return before_pixels(element(0x0028, 0x1052, b"UN", b"1\\" * 3_000_000))


def items(count: int) -> bytes:
    return before_pixels(element(0x5200, 0x9230, b"SQ", b"\xfe\xff\x00\xe0\0\0\0\0" * count))


def nested(depth: int) -> bytes:
    start = struct.pack("<HH2sHI", 0x5200, 0x9229, b"SQ", 0, 2**32 - 1)
    return before_pixels((start + b"\xfe\xff\x00\xe0\xff\xff\xff\xff") * depth)


def rle_bomb() -> bytes:
    """A run-length coded frame of 8 x 8 px that unpacks to 640 MB."""
    from pydicom.encaps import encapsulate
    from pydicom.uid import RLELossless

    dicom = scans.dataset(np.zeros((8, 8), np.uint8), RLELossless)
    segment = b"\x81\x00" * 5_000_000
    dicom.PixelData = encapsulate([struct.pack("<16I", 1, 64, *[0] * 14) + segment])
    dicom["PixelData"].VR = "OB"
    return scans.written(dicom)


def tables() -> bytes:
    """A DICOM file of 2000 frames that share a table of 65 536 brightnesses."""
    from pydicom import Dataset

    dicom = scans.dataset(np.zeros((2000, 8, 8), np.uint8))
    shared = Dataset()
    shared.FrameVOILUTSequence = [Dataset()]
    shared.FrameVOILUTSequence[0].VOILUTSequence = [scans.lut(np.arange(65536), 0, 16)] * 8
    dicom.SharedFunctionalGroupsSequence = [shared]
    dicom.PerFrameFunctionalGroupsSequence = [Dataset() for _ in range(2000)]
    return scans.written(dicom)


def components() -> bytes:
    """A JPEG 2000 frame of 16 384 colors."""
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEG2000Lossless

    dicom = scans.dataset(np.zeros((4096, 4096), np.uint8), JPEG2000Lossless)
    size = struct.pack(">IIIIIIII", 4096, 4096, 0, 0, 4096, 4096, 0, 0)
    colors = struct.pack(">H", 16384) + b"\x07\x01\x01" * 16384
    head = b"\xff\x4f\xff\x51" + struct.pack(">HH", 38 + 3 * 16384, 0) + size + colors
    dicom.PixelData = encapsulate([head + bytes(64)])
    dicom["PixelData"].VR = "OB"
    return scans.written(dicom)


# NIfTI


def members(count: int) -> bytes:
    """A NIfTI file packed byte by byte, then in empty gzip members."""
    whole = scans.nifti(np.zeros((6, 7, 8), np.int16))
    return gzip.compress(whole[:-1], 1) + gzip.compress(b"") * count


def packed_zeros() -> bytes:
    """A NIfTI volume of 240 MB of zeros."""
    head = bytearray(scans.nifti(np.zeros((6, 7, 8), np.int16))[:352])
    head[40:56] = struct.pack("<8h", 3, 500, 500, 480, 1, 1, 1, 1)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(bytes(head))]
    parts += [packer.compress(bytes(10_000_000)) for _ in range(24)]
    return b"".join(parts) + packer.flush()


SCANS = (
    Hostile("deflated.dcm", lambda: deflated(True), "unpacks to more than 100 MB"),
    Hostile("without-length.dcm", lambda: deflated(False), "unpacks to more than 100 MB"),
    Hostile("value.dcm", long_value, "far too long"),
    Hostile("items.dcm", lambda: items(1_000_000), "more than 100000 pieces"),
    Hostile("fewer-items.dcm", lambda: items(99_000), ""),
    Hostile("nested.dcm", lambda: nested(20_000), "damaged"),
    Hostile("run-lengths.dcm", rle_bomb, "larger than it says"),
    Hostile("tables.dcm", tables, ""),
    Hostile("components.dcm", components, "more colors"),
    Hostile("members.nii.gz", lambda: members(2_000_000), "more than 20,000 parts"),
)
LARGE_SCANS = (  # allowed, and the most that is
    Hostile("zeros.nii.gz", packed_zeros, ""),
    Hostile("mammogram.dcm", lambda: scans.dicom(np.zeros((4900, 5000), np.int16)), ""),
)
