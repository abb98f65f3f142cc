"""Windows: which of a scan's values are shown from black to white.

The formulas are those of DICOM PS3.3 C.11.2 (VOI LUT), with white as 1. A scan of computed
tomography (CT) is in Hounsfield units (HU), so its presets mean the same in every file.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadSetting

Shape = Literal["linear", "linear exact", "sigmoid", "table"]
Floats = NDArray[np.float32]

FARTHEST = 1e30  # a value beyond is no measurement, and float32 must hold twice as much
THINNEST = 1e-30
MIDDLE = (1.0, 99.0)  # percentiles that hold most of the values


@dataclass(frozen=True)
class Window:
    """Values from center - width / 2 (black) to center + width / 2 (white).

    Args:
        center: the value shown as middle gray.
        width: how many units lie between black and white.
        shape: how brightness rises in between; "linear" is DICOM's own, half a unit to the left.
        table: brightness in [0, 1] of each whole value from the left end on, for shape "table".
    """

    center: float
    width: float
    shape: Shape = "linear"
    table: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not (isfinite(self.center) and isfinite(self.width)):
            raise BadSetting("A window needs a center and a width that are numbers.")
        if abs(self.center) > FARTHEST or not THINNEST <= self.width <= 2 * FARTHEST:
            raise BadSetting(
                f"A window cannot have the center {self.center:g} and the width {self.width:g}: "
                "the width must be more than 0, and neither can be that large."
            )
        if self.shape == "linear" and self.width < 1:  # the standard's formula begins at 1
            object.__setattr__(self, "shape", "linear exact")
        if (self.shape == "table") != bool(self.table):
            raise BadSetting("A window has a table when its shape is a table, and only then.")

    def place(self, values: NDArray[np.floating]) -> Floats:
        """Brightness in [0, 1]; what has no value stays NaN."""
        center, width = self.center, self.width
        values = values.astype(np.float64)  # far values through a thin window
        match self.shape:
            # the division by width − 1 becomes a step
            case "linear" if width == 1:
                share = np.where(np.isnan(values), values, values > center - 0.5)
            case "linear":
                # C.11.2.1.2: `width` counts whole values, both ends among them: width − 1 apart
                share = (values - (center - 0.5)) / (width - 1) + 0.5
            case "linear exact":
                share = (values - center) / width + 0.5
            case "sigmoid":
                power = np.minimum(-4 * (values - center) / width, 80)  # no overflow
                share = 1 / (1 + np.exp(power))
            case "table":
                share = self.looked_up(values)
        return np.clip(share, 0, 1, dtype=np.float32)

    def looked_up(self, values: NDArray[np.floating]) -> Floats:
        """The table's brightness; left of it as its first, right of it as its last."""
        table = np.asarray(self.table, np.float32)
        places = np.rint(np.nan_to_num(values) - (self.center - self.width / 2))
        result = table[np.clip(places, 0, len(table) - 1).astype(np.int64)]
        return np.where(np.isnan(values), np.float32(np.nan), result)

    def moved(self, center: float, width: float) -> Window:
        """The same kind of window elsewhere; a table cannot be moved and becomes a line."""
        shape: Shape = "linear exact" if self.shape == "table" else self.shape
        return Window(center, width, shape)


@dataclass(frozen=True)
class Preset:
    """A window with a name to choose it by."""

    name: str
    window: Window


CT = (
    Preset("Brain", Window(40, 80)),
    Preset("Subdural", Window(75, 280)),
    Preset("Stroke", Window(40, 40)),
    Preset("Bone", Window(480, 2500)),
    Preset("Lung", Window(-600, 1500)),
    Preset("Mediastinum", Window(50, 350)),
    Preset("Abdomen", Window(40, 400)),
    Preset("Liver", Window(60, 160)),
)


def possible(center: float, width: float, shape: Shape) -> Window | None:
    """The window that a file asks for; None when there can be no such window."""
    try:
        return Window(center, width, shape)
    except BadSetting:
        return None


def spanning(low: float, high: float) -> Window:
    """From one value to another; a single value is middle gray."""
    width = high - low if high - low >= THINNEST else 1.0
    return Window((low + high) / 2, width, "linear exact")


def full_range(values: Floats) -> Window:
    """From the lowest to the highest value."""
    known = values[np.isfinite(values)]
    return spanning(float(known.min()), float(known.max())) if known.size else spanning(0, 1)


def most_values(values: Floats) -> Window:
    """Without the darkest and brightest hundredth, which are often noise and metal."""
    known = values[np.isfinite(values)]
    if not known.size:
        return spanning(0, 1)
    # every n-th value: a million of them tell a percentile well enough
    low, high = np.percentile(known[:: max(1, known.size // 1_000_000)], MIDDLE)
    return spanning(float(low), float(high)) if high > low else full_range(values)


def presets(values: Floats, own: tuple[Window, ...], *, hounsfield: bool) -> tuple[Preset, ...]:
    """Every window on offer, the one to open with first."""
    names = ["From the file", *(f"From the file, {place}" for place in range(2, len(own) + 1))]
    stored = [Preset(name, window) for name, window in zip(names, own, strict=False)]
    middle = Preset("Middle 98 %", most_values(values))
    full = Preset("Full range", full_range(values))
    if not hounsfield:
        return (*stored, middle, full)
    first = [] if stored else [preset for preset in CT if preset.name == "Abdomen"]
    return (*stored, *first, *(preset for preset in CT if preset not in first), middle, full)
