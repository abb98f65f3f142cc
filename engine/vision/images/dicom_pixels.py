"""The pixels of a DICOM file: what decoding needs, limits before it, and the stored values."""

from hashlib import blake2b
from io import BytesIO
from struct import unpack_from
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.uid import UID, RLELossless

from engine.core.errors import BadImage
from engine.vision.images.dicom_header import has, header_integer
from engine.vision.images.dicom_limits import EXPORT, ITEMS, MOST_ITEMS, check_rle

MAX_FRAME = 32_000_000  # px of one frame; a mammogram has about 25 million

MOST_COMPONENTS = 4  # of a JPEG 2000 image

PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
DECODING = (  # what decoding asks for
    "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "NumberOfFrames",
    "ExtendedOffsetTable", "ExtendedOffsetTableLengths", "ModalityLUTSequence",
    "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableData",
    "SegmentedRedPaletteColorLookupTableData", "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData", *PIXELS,
)  # fmt: skip

IMPLICIT = "1.2.840.10008.1.2"
JPEG_12 = "1.2.840.10008.1.2.4.51"
FAMILIES = (  # transfer syntaxes that are not decoded, by the start of their numbers
    ("1.2.840.10008.1.2.4.51", "JPEG of more than 8 bits"),
    ("1.2.840.10008.1.2.4.57", "lossless JPEG"),
    ("1.2.840.10008.1.2.4.70", "lossless JPEG"),
    ("1.2.840.10008.1.2.4.8", "JPEG-LS"),
    ("1.2.840.10008.1.2.4.9", "multi-component JPEG 2000 or a link to pixels elsewhere (JPIP)"),
    ("1.2.840.10008.1.2.4.100", "an MPEG-2 film"),
    ("1.2.840.10008.1.2.4.101", "an MPEG-2 film"),
    ("1.2.840.10008.1.2.4.10", "an MPEG-4 film"),
    ("1.2.840.10008.1.2.4.11", "JPEG XL"),
    ("1.2.840.10008.1.2.4.204", "high-throughput JPEG 2000 (HTJ2K) by reference"),
    ("1.2.840.10008.1.2.4.205", "high-throughput JPEG 2000 (HTJ2K) by reference"),
    ("1.2.840.10008.1.2.4.20", "high-throughput JPEG 2000 (HTJ2K)"),
    ("1.2.840.10008.1.2.4", "an old form of JPEG"),
    ("1.2.840.10008.1.2.7", "uncompressed video in a stream"),
)


def stripped(header: Any) -> Dataset:
    """The elements that decoding needs, checked; the file and its other elements are let go."""
    if "DirectoryRecordSequence" in header:
        raise BadImage("is the index of a DICOM disc: open one of the images beside it")
    if not any(has(header, name) for name in PIXELS):
        raise BadImage(
            "is a DICOM file without an image, such as a report or a plan: open one with pixels"
        )
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    syntax = str(getattr(header.file_meta, "TransferSyntaxUID", "")) or (
        IMPLICIT if header.original_encoding[0] else "1.2.840.10008.1.2.1"
    )
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    for name in DECODING:
        if has(header, name):
            dataset.add(header[name])
    if "ModalityLUTSequence" in dataset:
        dataset.ModalityLUTSequence = [
            only(dataset.ModalityLUTSequence[0], "LUTDescriptor", "LUTData")
        ]
    rows, columns = header_integer(dataset, "Rows"), header_integer(dataset, "Columns")
    if not rows or not columns:
        raise BadImage("does not say how many rows and columns its image has: export it again")
    if rows * columns > MAX_FRAME:
        raise BadImage(
            f"has {columns} × {rows} px a frame, {rows * columns / 1e6:,.0f} million, and at most "
            f"{MAX_FRAME / 1e6:.0f} million are read: export it smaller"
        )
    if header_integer(dataset, "BitsAllocated") not in {1, 8, 16, 32, 64}:
        raise BadImage("stores its pixels in an unusual number of bits: export it again")
    if "PhotometricInterpretation" not in dataset:
        raise BadImage("does not say whether it is gray or color: export it again")
    check_syntax(syntax, header_integer(dataset, "BitsStored") or 8)
    return dataset


def only(item: Dataset, *names: str) -> Dataset:
    """A copy with these elements and no others."""
    dataset = Dataset()
    for name in names:
        dataset.add(item[name])
    return dataset


def check_syntax(syntax: str, bits: int) -> None:
    """Refuse a compression for which there is no decoder here, in words."""
    try:
        known = get_decoder(syntax).is_available
    except NotImplementedError:
        known = False
    if known and not (syntax == JPEG_12 and bits > 8):
        return
    name = next((words for start, words in FAMILIES if syntax.startswith(start)), "")
    if not name:
        raise BadImage(f"is compressed in a way that is not known here: {EXPORT}")
    raise BadImage(f"is compressed as {name}, which is not read here: {EXPORT}")


def frames(pixels: Dataset) -> tuple[int, tuple[str, ...]]:
    """How many frames there really are, and a note when the header says otherwise."""
    declared = header_integer(pixels, "NumberOfFrames")
    name = next(pixel for pixel in PIXELS if pixel in pixels)
    length = len(pixels[name].value)
    if pixels.file_meta.TransferSyntaxUID.is_encapsulated:
        stored = fragments(pixels.PixelData)
    else:
        samples = header_integer(pixels, "SamplesPerPixel") or 1
        bits = pixels.Rows * pixels.Columns * samples * pixels.BitsAllocated
        if str(pixels.PhotometricInterpretation).startswith("YBR_FULL_422"):
            # 4:2:2 stores two samples a pixel where the header says three
            bits = bits * 2 // 3
        stored = length * 8 // bits
    if not stored:
        raise BadImage("is cut off: it holds fewer pixels than one frame has; export it again")
    if declared is None or declared < 1:
        pixels.NumberOfFrames = 1
        return 1, ()
    if declared > stored:
        pixels.NumberOfFrames = stored
        return stored, (f"the file says that it has {declared} frames and holds {stored}",)
    return declared, ()


def fragments(data: bytes) -> int:
    """How many pieces compressed data have, which is at least the number of frames."""
    at, count = 0, -1  # the first item is the table of offsets
    while data[at : at + 4] == ITEMS[0] and at + 8 <= len(data):
        count += 1
        if count > MOST_ITEMS:
            raise BadImage(f"has more than {MOST_ITEMS} pieces of compressed data: {EXPORT}")
        at += 8 + int(unpack_from("<I", data, at + 4)[0])
    return max(count, 0)


def decode(pixels: Dataset, index: int) -> tuple[NDArray[Any], dict[str, Any]]:
    """The stored values of a frame, and what the decoder says about them."""
    syntax = pixels.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        check_codestream(pixels, index)
    array, attributes = get_decoder(syntax).as_array(pixels, index=index)
    return array, dict(attributes)


def check_codestream(pixels: Dataset, index: int) -> None:
    """Refuse a compressed frame whose own header asks for another size than the file's."""
    frame = get_frame(pixels.PixelData, index, number_of_frames=pixels.NumberOfFrames)
    if pixels.file_meta.TransferSyntaxUID == RLELossless:
        check_rle(frame, pixels.Rows * pixels.Columns)
    size = codestream_size(frame)
    if size and size != (pixels.Columns, pixels.Rows):
        raise BadImage("is inconsistent: its compressed image has another size than it says")


def codestream_size(frame: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG or JPEG 2000 codestream; None for others."""
    start = frame.find(b"\xff\x4f\xff\x51", 0, 4096)  # JPEG 2000: SOC, SIZ
    if start >= 0:
        right, bottom, left, top = unpack_from(">IIII", frame, start + 8)
        if unpack_from(">H", frame, start + 40)[0] > MOST_COMPONENTS:
            raise BadImage("is inconsistent: its compressed image has more colors than there are")
        return right - left, bottom - top
    if frame[:2] == b"\xff\xd8":
        with Image.open(BytesIO(frame), formats=("JPEG",)) as file:
            return file.size
    return None


def modality(
    raw: NDArray[Any], pixels: Dataset, slope: float, intercept: float
) -> NDArray[np.float32]:
    """Stored values as the scanner meant them: table or slope and intercept."""
    if raw.ndim != 2:
        raise BadImage("is inconsistent: gray, but with several values a pixel")
    if "PixelData" not in pixels:  # floating point is as meant
        return raw.astype(np.float32)
    if "ModalityLUTSequence" in pixels:
        return apply_modality_lut(raw, pixels).astype(np.float32)
    # 16-bit values are exact in float32; 32-bit ones need float64
    exact = np.float32 if raw.dtype.itemsize <= 2 else np.float64
    values: NDArray[Any] = raw.astype(exact)
    values *= slope
    values += intercept
    return values.astype(np.float32, copy=False)


def colored(
    raw: NDArray[Any], header: dict[str, Any], pixels: Dataset, photometric: str
) -> NDArray[np.uint8]:
    """A frame in color as 8-bit RGB."""
    bits = int(header.get("bits_stored") or 8)
    if photometric == "PALETTE COLOR":
        bits = int(pixels.RedPaletteColorLookupTableDescriptor[2])
        raw = apply_color_lut(raw, pixels)[..., :3]
    elif str(header.get("photometric_interpretation")) not in {"RGB", "YBR_ICT", "YBR_RCT"}:
        raise BadImage("has colors of a rare kind, which are not read here: export it as RGB")
    if raw.ndim != 3 or raw.shape[2] != 3:
        raise BadImage("is inconsistent: in color, but not with three values a pixel")
    eight = raw >> (bits - 8) if bits > 8 else raw
    return np.clip(eight, 0, 255).astype(np.uint8)


def digest(pixels: Dataset, meaning: str) -> str:
    """A name for the image: its stored bytes and shape, and what the header makes of them."""
    name = next(pixel for pixel in PIXELS if pixel in pixels)
    shape = f"{pixels.Rows}x{pixels.Columns}x{pixels.NumberOfFrames}"
    hasher = blake2b(pixels[name].value, key=shape.encode(), digest_size=16)
    hasher.update(meaning.encode())
    return hasher.hexdigest()
