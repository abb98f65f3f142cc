"""DICOM files, as the reader process opens them: numbers, stored pixels, one frame decoded.

pydicom repeats values in its warnings, log and exceptions, so these are not heard and not passed
on.
"""

import logging
from dataclasses import astuple
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import UID

from engine.core.errors import BadImage
from engine.vision.images.dicom_header import (
    READ_ONCE,
    Frame,
    geometry,
    has,
    padding,
    windows,
    word,
)
from engine.vision.images.dicom_limits import COPIES, check_items, check_lengths, inflated
from engine.vision.images.dicom_pixels import (
    DECODING,
    PIXELS,
    colored,
    decode,
    digest,
    frames,
    modality,
    stripped,
)
from engine.vision.images.room import require_room
from engine.vision.images.window import FARTHEST, Preset, Window, presets, spanning
from engine.vision.images.wire import Arrays, Words

logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)

BYTES, FLOAT = 16, 4  # for each value of a frame: while it is decoded, and then
Reply = tuple[Words, Arrays]


def read_dicom(data: bytes, called: str) -> Reply:
    """All that is kept of a file, as DicomScan takes it; BadImage when no image can be shown."""
    try:
        require_room(COPIES * len(data), len(data))
        plain = inflated(data)
        check_items(plain)
        del plain
        header = dcmread(BytesIO(data), force=True, specific_tags=[*DECODING, *READ_ONCE])
        check_lengths(header)
        return frame_reply(header, called)
    except BadImage as error:
        words = str(error).removeprefix(f"{called} ").removesuffix(".")
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - its text may repeat the header, so it goes no further
        words = "is damaged or cut off (its DICOM data make no sense): export it again"
    raise BadImage(f"{called} {words}.")


def frame_reply(header: Any, called: str) -> Reply:
    """What is kept of a header and its pixels, once the middle frame was decoded."""
    pixels = stripped(header)
    photometric = str(pixels.PhotometricInterpretation).strip().upper()
    count, notes = frames(pixels)
    frame_infos, file_windows = geometry(header, count), windows(header, count)
    nothing, gray = padding(header), photometric.startswith("MONOCHROME")
    hounsfield = word(header, "Modality") == "CT" or word(header, "RescaleType") == "HU"
    unit = "HU" if hounsfield and gray and has(header, "RescaleSlope") else ""
    inverted = photometric == "MONOCHROME1"
    name = digest(pixels, repr((frame_infos, file_windows, nothing, inverted, unit)))
    description, array = packed(pixels)
    description |= {"photometric": photometric, "padding": nothing}
    middle = frame_infos[count // 2 % len(frame_infos)]
    scale = [middle.slope, middle.intercept]
    request = {**description, "called": called, "index": count // 2, "scale": scale}
    _, (values,) = frame(request, [array])
    offered = window_presets(pixels, values, file_windows, hounsfield=unit == "HU") if gray else ()
    return {
        "frames": count,
        "notes": notes,
        "unit": unit,
        "inverted": inverted,
        "digest": name,
        "geometry": [frame_numbers(frame_info) for frame_info in frame_infos],
        "kept": description,
        "presets": [[preset.name, *astuple(preset.window)] for preset in offered],
    }, [array]


def frame_numbers(frame_info: Frame) -> list[Any]:
    edges = None if frame_info.edges is None else astuple(frame_info.edges)
    return [frame_info.slope, frame_info.intercept, frame_info.spacing, edges]


def window_presets(
    pixels: Dataset, values: NDArray[np.float32], own: tuple[Window, ...], *, hounsfield: bool
) -> tuple[Preset, ...]:
    """The windows, from the middle frame: one choice for all frames."""
    bits = int(pixels.get("BitsStored") or 16)
    if not own and bits <= 8 and "PixelData" in pixels and not hounsfield:
        stored = Preset(f"All of {bits} bits", spanning(0, 2.0**bits - 1))
        return (stored, *presets(values, (), hounsfield=False))
    return presets(values, own, hounsfield=hounsfield)


def packed(pixels: Dataset) -> tuple[Words, NDArray[np.uint8]]:
    """What decoding needs as plain words, and the stored pixels."""
    name = next(pixel for pixel in PIXELS if pixel in pixels)
    element = pixels[name]
    rest = Dataset()
    for pixel in pixels:
        if pixel.tag != element.tag:
            rest.add(pixel)
    words = {
        "header": rest.to_json_dict(),
        "name": name,
        "vr": str(element.VR),
        "syntax": str(pixels.file_meta.TransferSyntaxUID),
    }
    return words, np.frombuffer(element.value, np.uint8)


def unpacked(words: Words, array: NDArray[np.uint8]) -> Dataset:
    """What decoding needs, from `packed`."""
    pixels = Dataset.from_json(words["header"])
    pixels.add_new(Tag(words["name"]), words["vr"], array.tobytes())
    pixels.file_meta = FileMetaDataset()
    pixels.file_meta.TransferSyntaxUID = UID(words["syntax"])
    return pixels


def frame(words: Words, arrays: Arrays) -> Reply:
    """One frame, (H, W) float32 or (H, W, 3) uint8, and the smallest step between its values."""
    called, why = words["called"], ""
    try:
        pixels = unpacked(words, arrays.pop())
        samples = int(pixels.get("SamplesPerPixel") or 1)
        count = int(pixels.Rows) * int(pixels.Columns) * samples
        stored = len(pixels[words["name"]].value)
        require_room(COPIES * stored + BYTES * count, FLOAT * count)
        raw, attributes = decode(pixels, words["index"])
        if not words["photometric"].startswith("MONOCHROME"):
            return {"step": 0.0}, [colored(raw, attributes, pixels, words["photometric"])]
        values = modality(raw, pixels, *words["scale"])
    except BadImage as error:
        why = str(error)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - its text may repeat the header, so it goes no further
        why = "is damaged or inconsistent (its pixels cannot be decoded): export it again"
    if why:
        raise BadImage(f"{called} {why}.")
    is_integer = np.issubdtype(raw.dtype, np.integer)
    if words["padding"] and is_integer:
        low, high = words["padding"]
        values[(raw >= low) & (raw <= high)] = np.nan
    values[~(np.abs(values) <= FARTHEST)] = np.nan
    table = "ModalityLUTSequence" in pixels
    step = abs(words["scale"][0]) if is_integer and not table else float(table)
    return {"step": step}, [values]
