"""Files that mean harm, each made on the fly and small: name, bytes, and what the refusal says.

An empty sentence means that the file may be read, if that costs little.
"""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from tests import scans


class Hostile(NamedTuple):
    """A file and the words that its refusal must have."""

    name: str
    make: Callable[[], bytes]
    says: str


def saved(form: str, size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: Any) -> bytes:
    """A picture of noise."""
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 256, (*size[::-1], 3), np.uint8)).convert(mode)
    held = io.BytesIO()
    image.save(held, form, **options)
    return held.getvalue()


# Pictures


def chunk(kind: bytes, body: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, color: int, body: bytes) -> bytes:
    """A PNG of 8 bits with these compressed pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b"")


def blank_png(width: int, height: int, color: int, bands: int) -> bytes:
    """A PNG of nothing but zeros."""
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
    last = plain[plain.rindex(b"\xff\xda") : -2]
    return plain[:-2] + last * 3000 + b"\xff\xd9"


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


def tiff_of_tags(count: int, each: int) -> bytes:
    """A TIFF whose tags all point to the same bytes."""
    start = 8 + 2 + 12 * count + 4
    return tiff([(300 + at, 7, each, start) for at in range(count)], bytes(each))


def tiff_ring() -> bytes:
    """A TIFF whose page is followed by itself."""
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


# DICOM


def deflated(length: bool) -> bytes:
    """A deflated DICOM file that grows to 120 MB, with or without the length of its first group."""
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    made = scans.written(scans.dataset(scans.ramp(), DeflatedExplicitVRLittleEndian))
    start = 144 + int.from_bytes(made[140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(packer.compress(bytes(10_000_000)) for _ in range(12)) + packer.flush()
    return (made[:start] if length else made[:132] + made[144:start]) + bomb


def element(group: int, number: int, kind: bytes, body: bytes) -> bytes:
    """An element of explicit kind with a long length."""
    return struct.pack("<HH2sHI", group, number, kind, 0, len(body)) + body


def before_pixels(extra: bytes) -> bytes:
    """A DICOM file with more elements before its pixels."""
    whole = scans.dicom(scans.ramp())
    at = whole.index(b"\xe0\x7f\x10\x00OW")
    return whole[:at] + extra + whole[at:]


def long_value() -> bytes:
    """A DICOM file whose PixelPaddingValue is a million words."""
    return before_pixels(element(0x0028, 0x1052, b"UN", b"1\\" * 3_000_000))


def items(count: int) -> bytes:
    """A DICOM file with so many empty items for its frames."""
    return before_pixels(element(0x5200, 0x9230, b"SQ", b"\xfe\xff\x00\xe0\0\0\0\0" * count))


def nested(depth: int) -> bytes:
    """A DICOM file with sequences inside each other."""
    start = (
        struct.pack("<HH2sHI", 0x5200, 0x9229, b"SQ", 0, 2**32 - 1)
        + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    )
    return before_pixels(start * depth)


def rle_bomb() -> bytes:
    """A run-length coded frame of 8 x 8 px that unpacks to 640 MB."""
    from pydicom.encaps import encapsulate
    from pydicom.uid import RLELossless

    made = scans.dataset(np.zeros((8, 8), np.uint8), RLELossless)
    segment = b"\x81\x00" * 5_000_000
    made.PixelData = encapsulate([struct.pack("<16I", 1, 64, *[0] * 14) + segment])
    made["PixelData"].VR = "OB"
    return scans.written(made)


def tables() -> bytes:
    """A DICOM file of 2000 frames that share a table of 65 536 brightnesses."""
    from pydicom import Dataset

    made = scans.dataset(np.zeros((2000, 8, 8), np.uint8))
    shared = Dataset()
    shared.FrameVOILUTSequence = [Dataset()]
    table = scans.lut(np.arange(65536), 0, 16)
    shared.FrameVOILUTSequence[0].VOILUTSequence = [table] * 8
    made.SharedFunctionalGroupsSequence = [shared]
    made.PerFrameFunctionalGroupsSequence = [Dataset() for _ in range(2000)]
    return scans.written(made)


def components() -> bytes:
    """A JPEG 2000 frame of 16 384 colors."""
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEG2000Lossless

    made = scans.dataset(np.zeros((4096, 4096), np.uint8), JPEG2000Lossless)
    size = struct.pack(">IIIIIIII", 4096, 4096, 0, 0, 4096, 4096, 0, 0)
    colors = struct.pack(">H", 16384) + b"\x07\x01\x01" * 16384
    head = b"\xff\x4f\xff\x51" + struct.pack(">HH", 38 + 3 * 16384, 0) + size + colors
    made.PixelData = encapsulate([head + bytes(64)])
    made["PixelData"].VR = "OB"
    return scans.written(made)


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


IMAGES = (
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
LARGE = (  # allowed, and the most that is
    Hostile("whole.png", lambda: blank_png(10_000, 9_900, 2, 3), ""),
    Hostile("half.png", lambda: blank_png(10_000, 4_900, 6, 4), ""),
    Hostile("zeros.nii.gz", packed_zeros, ""),
    Hostile("mammogram.dcm", lambda: scans.dicom(np.zeros((4900, 5000), np.int16)), ""),
)


# Archives


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files."""
    held = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that come twice
        with zipfile.ZipFile(held, "w", method) as archive:
            for name, body in files.items():
                archive.writestr(name, body)
    return held.getvalue()


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
    said = header.encode() + b"\n"
    body = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(said)) + said
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


# Weights: written by torch where that can be


def torch_file(content: Any, **options: Any) -> bytes:
    """As torch saves it."""
    import torch

    held = io.BytesIO()
    torch.save(content, held, **options)
    return held.getvalue()


def head(rows: int = 3, fill: float = 0.0, kind: str = "float32") -> dict[str, Any]:
    """The weights of a resnet10t with that last layer."""
    import timm
    import torch

    with torch.device("meta"):
        state = timm.create_model("resnet10t", num_classes=3).state_dict()
    made = {name: torch.zeros(one.shape, dtype=one.dtype) for name, one in state.items()}
    made["fc.weight"] = torch.full((1, 512), fill, dtype=getattr(torch, kind)).repeat(rows, 1)
    made["fc.bias"] = torch.zeros(rows)
    return made


def repacked() -> bytes:
    """Weights in an archive that is deflated: 200 MB of zeros."""
    import torch

    plain = zipfile.ZipFile(io.BytesIO(torch_file({"a": torch.zeros(50_000_000)})))
    return zipped({name: plain.read(name) for name in plain.namelist()})


def pickled(words: bytes) -> bytes:
    """An archive of torch's with this pickle."""
    files = {"archive/data.pkl": words, "archive/version": b"3\n"}
    return zipped(files, zipfile.ZIP_STORED)


def stack(count: int) -> bytes:
    """A pickle that makes so many empty tables."""
    return b"\x80\x02" + b"}" * count + b"."


def old_format(count: int) -> bytes:
    """Torch's format before 1.6 with such a pickle."""
    start = b"".join(pickle.dumps(one, 2) for one in (0x1950A86A20F9469CFC6C, 1001, {}))
    return start + stack(count)


def words_of_safetensors(count: int) -> bytes:
    """A .safetensors file that describes so many tensors of no size."""
    said = ",".join(
        f'"{at}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for at in range(count)
    )
    body = f"{{{said}}}".encode()
    return struct.pack("<Q", len(body)) + body + bytes(8)


def sparse() -> Any:
    """A sparse tensor of a million by a million."""
    import torch

    return torch.sparse_coo_tensor(torch.zeros(2, 1, dtype=torch.long), [1.0], (10**6, 10**6))


def expanded() -> dict[str, Any]:
    """One number that says it is a matrix of 4 TB."""
    import torch

    return {"fc.weight": torch.zeros(1).as_strided((10**6, 10**6), (0, 0))}


WEIGHTS = (
    Hostile("nan.pt", lambda: torch_file(head(fill=float("nan"))), "no finite number"),
    Hostile("infinity.pt", lambda: torch_file(head(fill=float("inf"))), "no finite number"),
    Hostile("complex.pt", lambda: torch_file(head(kind="complex64")), "no plain array of real"),
    Hostile("whole.pt", lambda: torch_file(head(kind="int64")), "torch.float32 is needed"),
    Hostile("classes.pt", lambda: torch_file(head(rows=30_000)), "30,000 classes"),
    Hostile("nested.pt", lambda: torch_file({"a": {"b": {"c": 1}}}), "no plain table"),
    Hostile("sparse.pt", lambda: torch_file({"a": sparse()}), "no plain array"),
    Hostile("expanded.pt", lambda: torch_file(expanded()), "no plain array of real"),
    Hostile("packed.pt", repacked, "is packed"),
    Hostile("stack.pt", lambda: pickled(stack(6_000_000)), "more tensors than a network has"),
    Hostile("old.pt", lambda: old_format(6_000_000), "more tensors than a network has"),
    Hostile("words.safetensors", lambda: words_of_safetensors(200_000), "more tensors than"),
    Hostile("length.safetensors", lambda: b"\xff" * 64, "damaged or empty"),
)
ARCHITECTURE = "resnet10t"
OTHERS = (  # names of architectures, for a file of resnet18's own weights
    "vit_giant_patch14_224", "resnet18.made_up", "hf-hub:evil/model", "local-dir:/etc",
    "resnet18/../../x", "https://evil/x", "os.system", "", " ", "a" * 100_000,
)  # fmt: skip
