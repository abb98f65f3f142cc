"""Results as pictures, for files: the page has its own viewer.

A map is drawn on its own scale, unsigned from its lowest to its highest value, signed with zero in
the middle; the ends belong beside the picture (see `ends`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.colors import DIVERGING_LIGHT, SEQUENTIAL
from engine.result import HeatMap

Pixels = NDArray[np.uint8]  # (H, W, 3)

FLAT = 1e-6  # a spread below this share of the values is float noise


def as_bytes(image: Any) -> Pixels:
    """An image (3, H, W) in [0, 1], a tensor or an array, as bytes (H, W, 3)."""
    values = np.clip(np.asarray(image, np.float32), 0, 1)
    return np.rint(values * 255).astype(np.uint8).transpose(1, 2, 0)


def ends(heat: HeatMap) -> tuple[float, float]:
    """The values at the two ends of the colors."""
    low, high = float(np.nanmin(heat.values)), float(np.nanmax(heat.values))
    if heat.signed:
        high = max(abs(low), abs(high))
        low = -high
    return low, high


def tint(heat: HeatMap) -> Pixels:
    """The map as colors (H, W, 3); a flat map is one color, not amplified noise."""
    low, high = ends(heat)
    flat = high - low <= FLAT * max(abs(low), abs(high)) or high == low
    places = np.full_like(heat.values, 0.5) if flat else (heat.values - low) / (high - low)
    ramp = DIVERGING_LIGHT if heat.signed else SEQUENTIAL
    colors: Pixels = ramp[np.rint(np.nan_to_num(places, nan=0.5) * 255).astype(np.uint8)]
    return colors


def overlay(image: Pixels, heat: HeatMap, opacity: float = 0.55) -> Pixels:
    """The map over the image, both at the image's size, at one opacity everywhere."""
    height, width = image.shape[:2]
    colors = Image.fromarray(tint(heat)).resize((width, height), Image.Resampling.BILINEAR)
    mixed = (1 - opacity) * image.astype(np.float32) + opacity * np.asarray(colors, np.float32)
    return np.rint(mixed).astype(np.uint8)
