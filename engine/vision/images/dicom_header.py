"""The numbers of a DICOM header: geometry, scaling and windows. Its words are not read."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.tag import Tag

from engine.core.errors import BadSetting
from engine.vision.images.dicom_limits import too_long
from engine.vision.images.orientation import Edges, from_cosines, from_words
from engine.vision.images.window import Window, possible

MOST_WINDOWS = 8  # of a file that are offered

READ_ONCE = (  # what is turned into numbers when the file is opened
    "Modality", "RescaleType", "RescaleSlope", "RescaleIntercept", "PixelPaddingValue",
    "PixelPaddingRangeLimit", "WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence",
    "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio",
    "ImageOrientationPatient", "PatientOrientation", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", "DirectoryRecordSequence",
)  # fmt: skip
SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")
SHAPES = {"LINEAR_EXACT": "linear exact", "SIGMOID": "sigmoid"}


@dataclass(frozen=True)
class Frame:
    """The numbers of one frame."""

    slope: float
    intercept: float
    spacing: tuple[float, float]
    edges: Edges | None


def geometry(header: Dataset, count: int) -> tuple[Frame, ...]:
    """The numbers of each frame; one for all where the file has no groups for each."""
    shared, frame_groups = split_frames(header, count)
    return tuple(one_frame(header, group, shared) for group in frame_groups)


def split_frames(header: Dataset, count: int) -> tuple[Dataset, list[Dataset]]:
    """What the file says of all frames, and of each; one empty group where it has not as many."""
    shared = next(iter(header.get("SharedFunctionalGroupsSequence") or ()), Dataset())
    frame_groups = list(header.get("PerFrameFunctionalGroupsSequence") or ())
    return shared, frame_groups[:count] if len(frame_groups) >= count else [Dataset()]


def one_frame(header: Dataset, group: Dataset, shared: Dataset) -> Frame:
    """From the frame's own group, the shared one, or the header, in this order."""

    def numbers(name: str, sequence: str = "") -> list[float]:
        for place in (group, shared):
            item = next(iter(place.get(sequence) or ()), None) if sequence else None
            if item is not None and (result := floats(item, name)):
                return result
        return floats(header, name)

    scaling = "PixelValueTransformationSequence"
    slope = first_number(numbers("RescaleSlope", scaling), 1.0) or 1.0
    spacing = next((s for n in SPACINGS if len(s := numbers(n, "PixelMeasuresSequence")) == 2), [])
    down, across = spacing or (1.0, 1.0)
    cosines = numbers("ImageOrientationPatient", "PlaneOrientationSequence")
    patient = header.get("PatientOrientation") or ()
    words = [str(side) for side in patient] if not isinstance(patient, str) else []
    return Frame(
        slope,
        first_number(numbers("RescaleIntercept", scaling), 0.0),
        (down, across),
        from_cosines(cosines) or from_words(words),
    )


def windows(header: Dataset, count: int) -> tuple[Window, ...]:
    """The middle frame's own windows, tables first; those that make no sense are left out."""
    shared, frame_groups = split_frames(header, count)
    group = frame_groups[count // 2 % len(frame_groups)]
    places = [
        item for place in (group, shared) for item in (place.get("FrameVOILUTSequence") or ())
    ] or [header]
    results: list[Window] = []
    for place in places:
        items = list(place.get("VOILUTSequence") or ())[:MOST_WINDOWS]
        results += [table for item in items if (table := voi_table(item))]
        shape: Any = SHAPES.get(word(place, "VOILUTFunction"), "linear")
        pairs = zip(floats(place, "WindowCenter"), floats(place, "WindowWidth"), strict=False)
        for center, width in pairs:
            window = possible(center, width, shape)
            results += [window] if window and window not in results else []
    return tuple(results[:MOST_WINDOWS])


def voi_table(item: Dataset) -> Window | None:
    """A lookup table as a window, or None when it is broken."""
    if too_long(item, "LUTDescriptor") or too_long(item, "LUTData"):
        return None
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


def has(header: Any, name: str) -> bool:
    """Whether an element is there with a value."""
    tag = Tag(name)
    return tag in header and header[tag].value not in (None, "", b"")


def word(header: Any, name: str) -> str:
    """A code of the standard, in capitals; "" when there is none."""
    return "" if too_long(header, name) else str(header.get(name) or "").strip().upper()


def header_integer(header: Any, name: str) -> int | None:
    """A whole number, or None."""
    try:
        return int(header[name].value)
    except (KeyError, TypeError, ValueError):
        return None


def floats(header: Any, name: str) -> list[float]:
    """The numbers of an element; none when one of them cannot be read, or they are too many."""
    if too_long(header, name):
        return []
    try:
        value = header[name].value
        sequence = value if isinstance(value, list | tuple) or hasattr(value, "append") else [value]
        numbers = [float(number) for number in sequence]
    except (KeyError, TypeError, ValueError):
        return []
    return numbers if all(isfinite(number) for number in numbers) else []


def first_number(numbers: list[float], otherwise: float) -> float:
    """The first of them."""
    return numbers[0] if numbers else otherwise
