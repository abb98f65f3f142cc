"""DICOM files: slices at full bit depth with their geometry and windows, and nothing else.

Only the elements named here are read, and only numbers are kept; what a header says about a
person is never in memory after `opened` returns. pydicom repeats values in its warnings, log and
exceptions, so these are not heard and not passed on.
"""

from __future__ import annotations

import logging
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from io import BytesIO
from math import isfinite
from struct import unpack_from
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import get_frame, parse_fragments
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.tag import Tag
from pydicom.uid import UID

from engine.errors import BadImage, BadSetting
from engine.images.orientation import Edges, from_cosines, from_words
from engine.images.scan import Plane, Scan, View
from engine.images.window import FARTHEST, Preset, Window, possible, presets, spanning

MAX_FRAME = 32_000_000  # px of one frame; a mammogram has about 25 million
MAX_UNPACKED = 100_000_000  # bytes of a deflated file
MOST_WINDOWS = 8  # of a file that are offered

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
READ_ONCE = (  # what is turned into numbers when the file is opened
    "Modality", "RescaleType", "RescaleSlope", "RescaleIntercept", "PixelPaddingValue",
    "PixelPaddingRangeLimit", "WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence",
    "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio",
    "ImageOrientationPatient", "PatientOrientation", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", "DirectoryRecordSequence",
)  # fmt: skip
SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")
SHAPES = {"LINEAR_EXACT": "linear exact", "SIGMOID": "sigmoid"}

DEFLATED = "1.2.840.10008.1.2.1.99"
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
    ("1.2.840.10008.1.2.4.20", "high-throughput JPEG 2000 (HTJ2K) by reference"),
    ("1.2.840.10008.1.2.4", "an old form of JPEG"),
    ("1.2.840.10008.1.2.7", "uncompressed video in a stream"),
)
EXPORT = "export it uncompressed from the viewer or archive that it comes from"

_reading = Lock()  # warnings are silenced for the whole process, so one file at a time
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")


@contextmanager
def quietly() -> Iterator[None]:
    """Nothing that pydicom would warn of is heard."""
    with _reading, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True)
class Frame:
    """The numbers of one frame."""

    slope: float
    intercept: float
    spacing: tuple[float, float]
    edges: Edges | None
    windows: tuple[Window, ...]


class DicomScan(Scan):
    """One DICOM file; a frame is decoded when it is asked for."""

    title = "DICOM"

    def __init__(self, header: Dataset, called: str) -> None:
        self.called = called
        self.pixels = stripped(header)
        self.rows, self.columns = int(self.pixels.Rows), int(self.pixels.Columns)
        self.photometric = str(self.pixels.PhotometricInterpretation).strip().upper()
        self.frames, self.notes = frames(self.pixels)
        self.geometry = geometry(header, self.frames)
        self.padding = padding(header)
        self.planes = ("frame",)
        self.inverted = self.photometric == "MONOCHROME1"
        hounsfield = word(header, "Modality") == "CT" or word(header, "RescaleType") == "HU"
        if hounsfield and self.is_gray and has(header, "RescaleSlope"):
            self.unit = "HU"
        self.presets = ()
        self.digest = digest(self.pixels)

    @property
    def is_gray(self) -> bool:
        """Whether a window means anything."""
        return self.photometric.startswith("MONOCHROME")

    def count(self, plane: str) -> int:  # noqa: ARG002 - a file of frames has one direction
        """The frames."""
        return self.frames

    def settle_presets(self, values: NDArray[np.float32]) -> None:
        """The windows, from the middle frame: one choice for all frames."""
        own = self.geometry[self.frames // 2 % len(self.geometry)].windows
        bits = int(self.pixels.get("BitsStored") or 16)
        if not own and bits <= 8 and "PixelData" in self.pixels and self.unit != "HU":
            stored = Preset(f"All of {bits} bits", spanning(0, 2.0**bits - 1))
            self.presets = (stored, *presets(values, (), hounsfield=False))
        else:
            self.presets = presets(values, own, hounsfield=self.unit == "HU")

    def cut(self, plane: str, index: int, volume: int) -> Plane:  # noqa: ARG002
        """One frame, decoded."""
        frame = self.geometry[index % len(self.geometry)]
        words = ""
        try:
            with quietly():
                raw, said = decode(self.pixels, index)
                if not self.is_gray:
                    color = colored(raw, said, self.pixels, self.photometric)
                    return Plane(color, frame.spacing, frame.edges)
                values = modality(raw, self.pixels, frame)
        except BadImage as error:
            words = str(error)
        except MemoryError:
            words = "needs more memory than this machine has free: open a smaller one"
        except Exception:  # noqa: BLE001 - its text may repeat the header, so it goes no further
            words = "is damaged or inconsistent (its pixels cannot be decoded): export it again"
        if words:
            raise BadImage(f"{self.called} {words}.")
        if self.padding and np.issubdtype(raw.dtype, np.integer):
            low, high = self.padding
            values[(raw >= low) & (raw <= high)] = np.nan
        values[~(np.abs(values) <= FARTHEST)] = np.nan
        whole = np.issubdtype(raw.dtype, np.integer) and "ModalityLUTSequence" not in self.pixels
        step = abs(frame.slope) if whole else float("ModalityLUTSequence" in self.pixels)
        return Plane(values, frame.spacing, frame.edges, step)


def opened(data: bytes, called: str) -> DicomScan:
    """A file; BadImage when it holds no image that can be shown."""
    words = ""
    try:
        with quietly():
            check_inflated(data)
            header = dcmread(BytesIO(data), force=True, specific_tags=[*DECODING, *READ_ONCE])
            scan = DicomScan(header, called)
    except BadImage as error:
        words = str(error)
    except MemoryError:
        words = "needs more memory than this machine has free: open a smaller one"
    except Exception:  # noqa: BLE001 - its text may repeat the header, so it goes no further
        words = "is damaged or cut off (its DICOM data make no sense): export it again"
    if words:
        raise BadImage(f"{called} {words}.")
    if scan.is_gray:
        plane = scan.cut("frame", scan.frames // 2, 0)
        scan.settle_presets(np.asarray(plane.values, np.float32))
    else:
        scan.picture(View())
    return scan


def check_inflated(data: bytes) -> None:
    """Refuse a deflated file that grows beyond all measure."""
    if DEFLATED.encode() not in data[:2048] or data[132:138] != b"\x02\x00\x00\x00UL":
        return
    start = 144 + int(unpack_from("<I", data, 140)[0])
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    unpacking.decompress(data[start:], MAX_UNPACKED)
    if unpacking.unconsumed_tail:
        raise BadImage(f"unpacks to more than {MAX_UNPACKED / 1e6:.0f} MB: {EXPORT}")


def stripped(header: Any) -> Dataset:
    """The elements that decoding needs, checked; the file and its other elements are let go."""
    if "DirectoryRecordSequence" in header:
        raise BadImage("is the index of a DICOM disc: open one of the images beside it")
    if not any(has(header, name) for name in PIXELS):
        raise BadImage(
            "is a DICOM file without an image, such as a report or a plan: open one with pixels"
        )
    kept = Dataset()
    kept.file_meta = FileMetaDataset()
    syntax = str(getattr(header.file_meta, "TransferSyntaxUID", "")) or (
        IMPLICIT if header.original_encoding[0] else "1.2.840.10008.1.2.1"
    )
    kept.file_meta.TransferSyntaxUID = UID(syntax)
    for name in DECODING:
        if has(header, name):
            kept.add(header[name])
    if "ModalityLUTSequence" in kept:
        kept.ModalityLUTSequence = [only(kept.ModalityLUTSequence[0], "LUTDescriptor", "LUTData")]
    rows, columns = whole(kept, "Rows"), whole(kept, "Columns")
    if not rows or not columns:
        raise BadImage("does not say how many rows and columns its image has: export it again")
    if rows * columns > MAX_FRAME:
        raise BadImage(
            f"has {columns} × {rows} px a frame, {rows * columns / 1e6:,.0f} million, and at most "
            f"{MAX_FRAME / 1e6:.0f} million are read: export it smaller"
        )
    if whole(kept, "BitsAllocated") not in {1, 8, 16, 32, 64}:
        raise BadImage("stores its pixels in an unusual number of bits: export it again")
    if "PhotometricInterpretation" not in kept:
        raise BadImage("does not say whether it is gray or color: export it again")
    check_syntax(syntax, whole(kept, "BitsStored") or 8)
    return kept


def only(item: Dataset, *names: str) -> Dataset:
    """A copy with these elements and no others."""
    kept = Dataset()
    for name in names:
        kept.add(item[name])
    return kept


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
    said = whole(pixels, "NumberOfFrames")
    name = next(one for one in PIXELS if one in pixels)
    held = len(pixels[name].value)
    if pixels.file_meta.TransferSyntaxUID.is_encapsulated:
        there = parse_fragments(pixels.PixelData)[0]
    else:
        samples = whole(pixels, "SamplesPerPixel") or 1
        bits = pixels.Rows * pixels.Columns * samples * pixels.BitsAllocated
        if str(pixels.PhotometricInterpretation).startswith("YBR_FULL_422"):
            bits = bits * 2 // 3
        there = held * 8 // bits
    if not there:
        raise BadImage("is cut off: it holds fewer pixels than one frame has; export it again")
    if said is None or said < 1:
        pixels.NumberOfFrames = 1
        return 1, ()
    if said > there:
        pixels.NumberOfFrames = there
        return there, (f"the file says that it has {said} frames and holds {there}",)
    return said, ()


def geometry(header: Dataset, count: int) -> tuple[Frame, ...]:
    """The numbers of each frame; one for all where the file has no groups for each."""
    shared = next(iter(header.get("SharedFunctionalGroupsSequence") or ()), Dataset())
    each = list(header.get("PerFrameFunctionalGroupsSequence") or ())[:count]
    if len(each) != count:
        each = [Dataset()]
    return tuple(one_frame(header, group, shared) for group in each)


def one_frame(header: Dataset, group: Dataset, shared: Dataset) -> Frame:
    """From the frame's own group, the shared one, or the header, in this order."""

    def numbers(name: str, sequence: str = "") -> list[float]:
        for place in (group, shared):
            item = next(iter(place.get(sequence) or ()), None) if sequence else None
            if item is not None and (found := floats(item, name)):
                return found
        return floats(header, name)

    scaling = "PixelValueTransformationSequence"
    slope = first(numbers("RescaleSlope", scaling), 1.0) or 1.0
    spacing = next((s for n in SPACINGS if len(s := numbers(n, "PixelMeasuresSequence")) == 2), [])
    down, across = spacing or (1.0, 1.0)
    cosines = numbers("ImageOrientationPatient", "PlaneOrientationSequence")
    patient = header.get("PatientOrientation") or ()
    words = [str(side) for side in patient] if not isinstance(patient, str) else []
    return Frame(
        slope,
        first(numbers("RescaleIntercept", scaling), 0.0),
        (down, across),
        from_cosines(cosines) or from_words(words),
        windows(header, group, shared),
    )


def windows(header: Dataset, group: Dataset, shared: Dataset) -> tuple[Window, ...]:
    """The file's own windows, tables first; those that make no sense are left out."""
    places = [
        item
        for place in (group, shared)
        for item in (place.get("FrameVOILUTSequence") or ())
    ] or [header]  # fmt: skip
    found: list[Window] = []
    for place in places:
        found += [table for item in place.get("VOILUTSequence") or () if (table := voi_table(item))]
        shape: Any = SHAPES.get(word(place, "VOILUTFunction"), "linear")
        pairs = zip(floats(place, "WindowCenter"), floats(place, "WindowWidth"), strict=False)
        for center, width in pairs:
            window = possible(center, width, shape)
            found += [window] if window and window not in found else []
    return tuple(found[:MOST_WINDOWS])


def voi_table(item: Dataset) -> Window | None:
    """A lookup table as a window, or None when it is broken."""
    try:
        entries, start, bits = (int(number) for number in item.LUTDescriptor)
        data = item.LUTData
        table = np.frombuffer(data, "<u2") if isinstance(data, bytes) else np.asarray(data)
        entries = entries or 2**16
        if len(table) < entries or not 8 <= bits <= 16:
            return None
        share = np.clip(table[:entries] / (2.0**bits - 1), 0, 1)
        return Window(start + entries / 2, entries, "table", tuple(share.tolist()))
    except (AttributeError, TypeError, ValueError, BadSetting):
        return None


def padding(header: Dataset) -> tuple[float, float] | None:
    """The stored values that mean "nothing here", both ends included."""
    value = floats(header, "PixelPaddingValue")
    if not value:
        return None
    limit = floats(header, "PixelPaddingRangeLimit") or value
    return min(value[0], limit[0]), max(value[0], limit[0])


def decode(pixels: Dataset, index: int) -> tuple[NDArray[Any], dict[str, Any]]:
    """The stored values of a frame, and what the decoder says about them."""
    syntax = pixels.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        check_codestream(pixels, index)
    array, said = get_decoder(syntax).as_array(pixels, index=index)
    return array, dict(said)


def check_codestream(pixels: Dataset, index: int) -> None:
    """Refuse a compressed frame whose own header asks for another size than the file's."""
    frame = get_frame(pixels.PixelData, index, number_of_frames=pixels.NumberOfFrames)
    size = codestream_size(frame)
    if size and size != (pixels.Columns, pixels.Rows):
        raise BadImage("is inconsistent: its compressed image has another size than it says")


def codestream_size(frame: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG or JPEG 2000 codestream; None for others."""
    start = frame.find(b"\xff\x4f\xff\x51", 0, 4096)  # JPEG 2000: SOC, SIZ
    if start >= 0:
        right, bottom, left, top = unpack_from(">IIII", frame, start + 8)
        return right - left, bottom - top
    if frame[:2] == b"\xff\xd8":
        with Image.open(BytesIO(frame), formats=("JPEG",)) as file:
            return file.size
    return None


def modality(raw: NDArray[Any], pixels: Dataset, frame: Frame) -> NDArray[np.float32]:
    """Stored values as the scanner meant them: table or slope and intercept."""
    if raw.ndim != 2:
        raise BadImage("is inconsistent: gray, but with several values a pixel")
    if "PixelData" not in pixels:  # floating point is as meant
        return raw.astype(np.float32)
    if "ModalityLUTSequence" in pixels:
        return apply_modality_lut(raw, pixels).astype(np.float32)
    values = raw.astype(np.float32 if raw.dtype.itemsize <= 2 else np.float64)  # both exact
    values *= frame.slope
    values += frame.intercept
    return values.astype(np.float32, copy=False)


def colored(
    raw: NDArray[Any], said: dict[str, Any], pixels: Dataset, photometric: str
) -> NDArray[np.uint8]:
    """A frame in color as 8-bit RGB."""
    bits = int(said.get("bits_stored") or 8)
    if photometric == "PALETTE COLOR":
        bits = int(pixels.RedPaletteColorLookupTableDescriptor[2])
        raw = apply_color_lut(raw, pixels)[..., :3]
    elif str(said.get("photometric_interpretation")) not in {"RGB", "YBR_ICT", "YBR_RCT"}:
        raise BadImage("has colors of a rare kind, which are not read here: export it as RGB")
    if raw.ndim != 3 or raw.shape[2] != 3:
        raise BadImage("is inconsistent: in color, but not with three values a pixel")
    eight = raw >> (bits - 8) if bits > 8 else raw
    return np.clip(eight, 0, 255).astype(np.uint8)


def digest(pixels: Dataset) -> str:
    """A name for the image: its stored bytes and shape."""
    name = next(one for one in PIXELS if one in pixels)
    shape = f"{pixels.Rows}x{pixels.Columns}x{pixels.NumberOfFrames}"
    return blake2b(pixels[name].value, key=shape.encode(), digest_size=16).hexdigest()


def has(header: Any, name: str) -> bool:
    """Whether an element is there with a value."""
    tag = Tag(name)
    return tag in header and header[tag].value not in (None, "", b"")


def word(header: Any, name: str) -> str:
    """A code of the standard, in capitals; "" when there is none."""
    return str(header.get(name) or "").strip().upper()


def whole(header: Any, name: str) -> int | None:
    """A whole number, or None."""
    try:
        return int(header[name].value)
    except (KeyError, TypeError, ValueError):
        return None


def floats(header: Any, name: str) -> list[float]:
    """The numbers of an element; none when one of them cannot be read."""
    try:
        value = header[name].value
        given = value if isinstance(value, list | tuple) or hasattr(value, "append") else [value]
        numbers = [float(number) for number in given]
    except (KeyError, TypeError, ValueError):
        return []
    return numbers if all(isfinite(number) for number in numbers) else []


def first(numbers: list[float], otherwise: float) -> float:
    """The first of them."""
    return numbers[0] if numbers else otherwise
