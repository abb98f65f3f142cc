"""A scan: slices at full bit depth, of which one at a time becomes a picture.

What a slice is (its values, its spacing, its sides) is read by `dicom` and `nifti`; here it is
brought to square pixels of a bounded size and windowed. No header is kept: only numbers that say
where a value lies and how bright it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from math import isfinite

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.core.errors import BadSetting
from engine.vision.decoding_guard import decoding_guard
from engine.vision.images.orientation import Edges
from engine.vision.images.picture import Picture, digest, kept_size
from engine.vision.images.window import Preset, Window

Floats = NDArray[np.float32]

UNEQUAL = 0.01  # pixels whose sides differ by less than this share are square
MOST_UNEQUAL = 20.0  # beyond, the file's spacing is an error
UNKNOWN = "orientation unknown"


@dataclass(frozen=True)
class SliceChoice:
    """Which part of a scan is looked at; what is None is the scan's own choice."""

    plane: str | None = None
    slice: int | None = None  # from 0
    volume: int = 0
    window: Window | None = None


@dataclass(frozen=True, eq=False)
class Slice:
    """What lies behind a picture of a scan, pixel for pixel."""

    values: Floats | None  # (H, W), NaN where there is nothing; None for color
    step: float  # the smallest difference between two values; 0 when it is not known
    unit: str
    inverted: bool  # high values are dark
    window: Window  # what the picture was made with
    presets: tuple[Preset, ...]
    edges: Edges | None
    scan: str  # digest of the scan it is from

    def cropped(self, left: int, top: int, right: int, bottom: int) -> Slice:
        if self.values is None:
            return self
        return replace(self, values=self.values[top:bottom, left:right])

    def brightness(self, window: Window) -> Floats:
        """In [0, 1], black where there is nothing."""
        if self.values is None:
            raise ValueError("color has no window")
        brightness = window.place(self.values)
        return np.nan_to_num(1 - brightness if self.inverted else brightness, nan=0.0)


@dataclass(frozen=True, eq=False)
class ScanPlane:
    """One slice as a reader gives it: gray values or 8-bit color, and its geometry."""

    values: NDArray[np.generic]  # (H, W) gray or (H, W, 3) uint8
    spacing: tuple[float, float] = (1.0, 1.0)  # of rows and of columns, in any unit
    edges: Edges | None = None
    step: float = 0.0
    notes: tuple[str, ...] = field(default=())


class Scan(ABC):
    """A file with one or many slices.

    Attributes:
        title: what it is, in words.
        planes: the names of the directions it can be cut in; one means that there is no choice.
        volumes: how many volumes follow each other.
        unit: of its values, "" when not known.
        inverted: whether high values are dark.
        presets: windows to choose from, the one to open with first; none for color.
        digest: a name for its content.
        notes: what was done to open it.
    """

    title: str
    planes: tuple[str, ...]
    volumes: int = 1
    unit: str = ""
    inverted: bool = False
    presets: tuple[Preset, ...]
    digest: str
    notes: tuple[str, ...] = ()

    @abstractmethod
    def count(self, plane: str) -> int:
        """How many slices lie along a plane's direction."""

    @abstractmethod
    def cut(self, plane: str, index: int, volume: int) -> ScanPlane:
        """One slice; BadImage when it cannot be read."""

    def settled(self, view: SliceChoice) -> SliceChoice:
        """The view with every choice made: the middle slice, the first window."""
        plane = self.planes[0] if view.plane is None else view.plane
        if plane not in self.planes:
            raise BadSetting(f"This scan has no {plane} plane: choose {', '.join(self.planes)}.")
        count = self.count(plane)
        index = count // 2 if view.slice is None else view.slice
        for word, place, most in (("slice", index, count), ("volume", view.volume, self.volumes)):
            if not 0 <= place < most:
                raise BadSetting(f"There is no {word} {place + 1}: this scan has {most}.")
        window = view.window or (self.presets[0].window if self.presets else Window(0.5, 1))
        return SliceChoice(plane, index, view.volume, window)

    def picture(self, view: SliceChoice | None = None) -> Picture:
        """The slice as the model gets it: windowed, square pixels, 8-bit RGB.

        Raises:
            BadImage: it cannot be decoded.
            BadSetting: the scan has no such plane, slice or volume.
        """
        with decoding_guard(f"This {self.title} scan"):
            return self.slice_picture(self.settled(view or SliceChoice()))

    def slice_picture(self, choice: SliceChoice) -> Picture:
        if choice.plane is None or choice.slice is None or choice.window is None:
            raise ValueError("an unsettled view")
        plane = self.cut(choice.plane, choice.slice, choice.volume)
        height, width = plane.values.shape[:2]
        size, notes = squared(plane)
        remarks = [*self.notes, *plane.notes, *notes]
        if plane.values.ndim == 3:
            color = Image.fromarray(plane.values.astype(np.uint8, copy=False))
            pixels = np.array(color.resize(size, Image.Resampling.BICUBIC))
            behind = self.behind(None, plane, choice.window)
        else:
            values = resized(plane.values.astype(np.float32, copy=False), size)
            missing = int(np.count_nonzero(np.isnan(values)))
            if missing:
                remarks.append(
                    f"{percent_text(missing, values.size)} of it has no value and is black"
                )
            behind = self.behind(values, plane, choice.window)
            gray = np.rint(255 * behind.brightness(choice.window)).astype(np.uint8)
            pixels = np.repeat(gray[..., None], 3, axis=2)
        if plane.edges is None:
            remarks.append(UNKNOWN)
        pixels.setflags(write=False)
        return Picture(pixels, (width, height), tuple(remarks), digest(pixels), behind)

    def behind(self, values: Floats | None, plane: ScanPlane, window: Window) -> Slice:
        if values is not None:
            values.setflags(write=False)
        return Slice(
            values,
            plane.step,
            self.unit,
            self.inverted,
            window,
            self.presets,
            plane.edges,
            self.digest,
        )


def percent_text(part: int, whole: int) -> str:
    """A part as a percentage with two digits, never as nothing."""
    percent = max(100 * part / whole, 0.01)
    return f"{percent:.2g} %" if percent < 10 else f"{percent:.0f} %"


def squared(plane: ScanPlane) -> tuple[tuple[int, int], list[str]]:
    """Width and height with square pixels and within the bounds, and what that changed."""
    height, width = plane.values.shape[:2]
    down, across = plane.spacing
    wide, high, notes = float(width), float(height), []
    ratio = across / down if down > 0 and across > 0 else 1.0
    if not isfinite(ratio) or not 1 / MOST_UNEQUAL <= ratio <= MOST_UNEQUAL:
        notes.append("the file's pixel spacing makes no sense: pixels are shown square")
    elif abs(ratio - 1) > UNEQUAL:
        wide, high = (wide * ratio, high) if ratio > 1 else (wide, high / ratio)
        notes.append("stretched to square pixels, as the file's spacing asks")
    size = kept_size(max(1, round(wide)), max(1, round(high)))
    if size[0] * size[1] < width * height:
        notes.append(f"made smaller, from {width} × {height} to {size[0]} × {size[1]} px")
    return size, notes


def resized(values: Floats, size: tuple[int, int]) -> Floats:
    """Gray values at another size, antialiased; no value comes out that was not between two."""
    if values.shape == size[::-1]:
        return np.array(values)
    missing = np.isnan(values)
    if not missing.any():
        return np.array(Image.fromarray(values).resize(size, Image.Resampling.BILINEAR))
    validity = Image.fromarray((~missing).astype(np.float32)).resize(
        size, Image.Resampling.BILINEAR
    )
    filled = Image.fromarray(np.where(missing, np.float32(0), values))
    weight = np.asarray(validity)
    sums = np.asarray(filled.resize(size, Image.Resampling.BILINEAR))
    # the mean of what is known: resized values over the resized share of known pixels. The
    # maximum only keeps the division quiet where the outcome is not used
    return np.where(weight > 0.5, sums / np.maximum(weight, 0.5), np.float32(np.nan))
