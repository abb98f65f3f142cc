"""Gray values of more than 8 bits, brought to 8 so that something can be seen.

A file whose values reach the upper half of its range is shown on that range; one that uses
less (12-bit data in a 16-bit file, a scan in arbitrary units) from its own darkest to brightest.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ROWS = 256  # rows at a time, so that no second full-size copy in floating point is held
HALF = 2**15  # of the 16-bit range
HALF_BYTE = 128

NAMES = {"F": "floating point", "I": "whole numbers of more than 8 bits"}


def is_deep(image: Image.Image) -> bool:
    """Whether gray values go beyond 8 bits."""
    return image.mode in NAMES or image.mode.startswith("I;16")


def eight_bits(image: Image.Image, inverted: bool = False) -> tuple[Image.Image, list[str]]:
    """A deep gray image as 8 bits, and the scale in words; NaN is black."""
    values = np.asarray(image)
    bits = NAMES.get(image.mode, "16 bits")
    valid = np.isfinite(values)
    missing = values.size - int(np.count_nonzero(valid))
    if missing == values.size:
        return Image.new("L", image.size), [f"{bits}: no value is a finite number, all black"]
    notes = [f"{missing} values are no finite numbers"] if missing else []

    # `where` needs an initial value, and any valid one changes neither end
    first = values.flat[np.argmax(valid)]
    darkest = float(np.min(values, where=valid, initial=first))
    brightest = float(np.max(values, where=valid, initial=first))
    low, high, words = span(darkest, brightest, image.mode)
    gray = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), ROWS):
        gray[top : top + ROWS] = scaled(values[top : top + ROWS], low, high, inverted)
    return Image.fromarray(gray), [f"{bits}: {words}", *notes]


def span(darkest: float, brightest: float, mode: str) -> tuple[float, float, str]:
    """The values to show as black and as white, and why in words."""
    full = 1.0 if mode == "F" else 2.0**16 - 1
    half = 0.5 if mode == "F" else HALF
    if darkest >= 0 and half < brightest <= full:
        return 0.0, full, f"shown from 0 to {full:g}"
    if darkest == brightest:
        return 0.0, full, f"the same value everywhere ({darkest:g})"
    return (
        darkest,
        brightest,
        f"shown from its own darkest ({darkest:g}) to brightest ({brightest:g})",
    )


def scaled(
    values: NDArray[np.generic], low: float, high: float, inverted: bool
) -> NDArray[np.uint8]:
    """Low as 0, high as 255, what lies outside at the nearer end."""
    exact = np.asarray(values, np.float64)  # the widest float32 range still fits
    share = np.clip((exact - low) / (high - low), 0, 1)
    if inverted:
        share = 1 - share
    return np.rint(255 * np.nan_to_num(share, nan=0.0)).astype(np.uint8)


def stretched(image: Image.Image) -> tuple[Image.Image, str]:
    """Color of 16 bits, of which Pillow keeps the upper 8; stretched when those are all dark."""
    ends = image.getextrema()[:3]
    low = min(int(darkest) for darkest, _ in ends)  # type: ignore[misc]
    high = max(int(brightest) for _, brightest in ends)  # type: ignore[misc]
    if high >= HALF_BYTE or low == high:
        return image, "16 bits a color: the upper 8 are shown"
    curve = [min(255, max(0, round(255 * (value - low) / (high - low)))) for value in range(256)]
    alpha = list(range(256)) if len(image.getbands()) > 3 else []
    words = "16 bits a color: the upper 8 shown from their own darkest to brightest"
    return image.point(curve * 3 + alpha), words
