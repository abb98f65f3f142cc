"""The images of a walk as two files: its frames, and how far each is from target and source.

A sheet holds its images in cells of one size, row by row. Frames go as JPEG, which a browser opens
as fast as it is made here, or without loss where they are small. A residue is |frame - end|, its
mean over the channels, taken from the true frames; it goes as the root of its share of the walk's
largest residue, so that small ones keep their digits, in a PNG where 255 marks no value.
"""

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from components.widgets.encoding import RecentEncodings, data_url, saved
from components.widgets.viewer import Pixels
from engine.core.pictures import as_bytes
from engine.core.result import digest_arrays

LARGEST = 224  # px; a larger frame is shown reduced to it
SMALL = 64  # px; up to here frames go without loss and are shown pixel by pixel
BLOCK = 16  # px; JPEG mixes colors inside such blocks, so cells are whole numbers of them
QUALITIES = ((92, 0), (85, 2), (75, 2), (65, 2), (50, 2), (35, 2), (20, 2))  # and subsampling
FRAMES_SHARE = 0.6  # of the room; the residues get what is left
UNKNOWN = 255
FINENESS = (
    *((224, 254), (112, 254), (112, 126), (112, 63), (75, 254), (75, 126), (75, 63)),
    *((56, 126), (56, 63), (28, 63), (14, 31)),
)
PROBES = 8  # images by which the size of a sheet is predicted
WALKS_CACHED = 12  # walks

Frames = NDArray[Any]  # (n, 3, H, W) in [0, 1]


@dataclass(frozen=True)
class Sheet:
    """An image file with the cells of a walk; values are scale · (code / top)² where coded."""

    src: str
    columns: int
    cell: tuple[int, int]  # width and height of a cell
    inner: tuple[int, int]  # of the image in its upper left
    top: int = 0
    scale: float = 0.0


@dataclass(frozen=True)
class Sheets:
    """The frames, and the residues to the target and then to the source."""

    frames: Sheet
    residues: Sheet


ENCODED: Final = RecentEncodings[Sheets](WALKS_CACHED)


def sheets(frames: Frames, target: Pixels, source: Pixels, room: int) -> Sheets:
    """Both sheets in at most so many characters, encoded once for the same walk."""
    ends = digest_arrays({"target": target, "source": source})
    return ENCODED.get(frames, f"{ends}{room}", lambda: encode(frames, target, source, room))


def encode(frames: Frames, target: Pixels, source: Pixels, room: int) -> Sheets:
    sheet = frame_sheet(frames, int(FRAMES_SHARE * room))
    values = np.concatenate([residues(frames, target), residues(frames, source)])
    return Sheets(sheet, residue_sheet(values, room - len(sheet.src)))


def frame_sheet(frames: Frames, room: int) -> Sheet:
    colors = np.stack([frame_pixels(frame) for frame in frames])
    height, width = colors.shape[1:3]
    if max(height, width) <= SMALL:
        columns, sheet = tiled(colors)
        src = data_url("png", saved(Image.fromarray(sheet), "PNG"))
        return Sheet(src, columns, (width, height), (width, height))
    wide, high = (-(-side // BLOCK) * BLOCK for side in (width, height))
    margin = ((0, 0), (0, high - height), (0, wide - width), (0, 0))
    columns, sheet = tiled(np.pad(colors, margin, mode="edge"))
    image = Image.fromarray(sheet)
    for quality, sampling in QUALITIES:
        src = data_url("jpeg", saved(image, "JPEG", quality=quality, subsampling=sampling))
        if len(src) <= room:
            break
    return Sheet(src, columns, (wide, high), (width, height))


def frame_pixels(frame: NDArray[Any]) -> Pixels:
    """One frame (3, H, W) as (H, W, 3) bytes, at most 224 px long; what is not known is black."""
    filled = np.nan_to_num(frame.astype(np.float32), nan=0.0, posinf=1.0, neginf=0.0)
    pixels = as_bytes(filled)
    if max(pixels.shape[:2]) <= LARGEST:
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    return np.asarray(image)


def frame_url(picture: Pixels) -> str:
    """One picture as the frames are sent."""
    colors = frame_pixels(picture.transpose(2, 0, 1) / np.float32(255))
    if max(colors.shape[:2]) <= SMALL:
        return data_url("png", saved(Image.fromarray(colors), "PNG"))
    return data_url("jpeg", saved(Image.fromarray(colors), "JPEG", quality=QUALITIES[1][0]))


def residues(frames: Frames, end: Pixels) -> NDArray[np.float32]:
    """How far each frame is from an end of the walk, (n, H, W)."""
    if frames.shape[2:] != end.shape[:2]:
        message = f"The frames are {frames.shape[2:]} and the image is {end.shape[:2]} px."
        raise ValueError(message)
    end_pixels = end.transpose(2, 0, 1) / np.float32(255)
    differences = [np.abs(frame.astype(np.float32) - end_pixels).mean(0) for frame in frames]
    return np.stack(differences).astype(np.float32)


def residue_sheet(values: NDArray[np.float32], room: int) -> Sheet:
    finite = values[np.isfinite(values)]
    scale = float(finite.max()) if finite.size else 0.0
    probes = values[((np.arange(PROBES) + 0.5) * len(values) / PROBES).astype(int)]
    for side, top in FINENESS:
        predicted = len(coded(probes, side, top, scale).src) * len(values) / PROBES
        last = (side, top) == FINENESS[-1]
        if predicted > 1.1 * room and not last:
            continue
        sheet = coded(values, side, top, scale)
        if len(sheet.src) <= room:
            break
    return sheet


def coded(values: NDArray[np.float32], side: int, top: int, scale: float) -> Sheet:
    """The values, averaged down to a side, as codes from 0 to `top`."""
    height, width = values.shape[1:]
    factor = min(1.0, side / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    if factor < 1:
        box = Image.Resampling.BOX
        values = np.stack(
            [np.asarray(Image.fromarray(frame).resize(size, box)) for frame in values]
        )
    share = np.sqrt(np.nan_to_num(values, nan=0.0, posinf=0.0) / (scale or 1.0))
    codes = np.where(np.isfinite(values), np.rint(share * top), UNKNOWN).astype(np.uint8)
    columns, sheet = tiled(codes)
    src = data_url("png", saved(Image.fromarray(sheet), "PNG", compress_level=3))
    return Sheet(src, columns, size, size, top, scale)


def tiled(cells: NDArray[np.uint8]) -> tuple[int, NDArray[np.uint8]]:
    """Columns and the sheet of cells (n, h, w, …), about as many columns as rows."""
    columns = ceil(sqrt(len(cells)))
    rows = -(-len(cells) // columns)
    height, width, *rest = cells.shape[1:]
    full = np.zeros((rows * columns, height, width, *rest), np.uint8)
    full[: len(cells)] = cells
    grid = full.reshape(rows, columns, height, width, *rest).swapaxes(1, 2)
    return columns, grid.reshape(rows * height, columns * width, *rest)
