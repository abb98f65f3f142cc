"""A scan's slice for the browser: its values at full bit depth, its windows, its sides.

A PNG's red and green bytes hold the high and low byte of an index; the value is the lowest one plus
index times step. Where the file counts in whole steps (as CT does, in HU), the browser has every
one of them; values without steps go in 16 bits, or in 12 where these would be too heavy.
"""

from dataclasses import asdict
from math import ceil
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from components.widgets.encoding import RecentEncodings, data_url, saved
from engine.vision.images import Slice, Window
from engine.vision.images.scan import resized

LIMIT = 400_000  # bytes of the PNG, as for any picture; maps share the page's message
SIDES = (640, 512, 400, 320)  # px of the long side, the largest that fits the limit
INDICES = 2**16
COARSE = 2**12  # steps of values that have none of their own, where 16 bits are too heavy
POINTS = 1024  # of a table that are sent
SCANS_CACHED = 16

ENCODED: Final = RecentEncodings[dict[str, Any]](SCANS_CACHED)


def scan_json(behind: Slice) -> dict[str, Any]:
    """What is known of any scan: a name for it, and the patient's sides."""
    edges = behind.edges
    return {"name": behind.scan, "edges": asdict(edges) if edges else None, "gray": None}


def gray_payload(behind: Slice) -> dict[str, Any] | None:
    """The values and windows; None for a scan in color."""
    values = behind.values
    if values is None:
        return None
    encoded = ENCODED.get(values, str(behind.step), lambda: encode(values, behind.step))
    return encoded | {
        "unit": behind.unit,
        "inverted": behind.inverted,
        "window": window_json(behind.window),
        "presets": [
            {"name": preset.name, **window_json(preset.window)} for preset in behind.presets
        ],
    }


def window_json(window: Window) -> dict[str, Any]:
    every = max(1, ceil(len(window.table) / POINTS))
    return {
        "center": window.center,
        "width": window.width,
        "shape": window.shape,
        "table": list(window.table[::every]),
    }


def encode(values: NDArray[np.float32], step: float) -> dict[str, Any]:
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    span = high - low
    exact = step > 0 and span / step < INDICES
    steps = [step] if exact else [span / (INDICES - 1) or 1.0, span / (COARSE - 1) or 1.0]
    attempts = [(side, step) for side in SIDES for step in steps]
    for side, chosen_step in attempts:
        body = png(shrunk(values, side), low, chosen_step)
        if len(body) <= LIMIT:
            break
    return {
        "src": data_url("png", body),
        "low": low,
        "step": chosen_step,
        "top": round(span / chosen_step),
    }


def shrunk(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    height, width = values.shape
    share = min(1.0, side / max(height, width))
    return resized(values, (max(1, round(width * share)), max(1, round(height * share))))


def png(values: NDArray[np.float32], low: float, step: float) -> bytes:
    """Red and green bytes are an index; blue 255 marks no value."""
    known = np.isfinite(values)
    filled = np.where(known, values, low).astype(np.float64)
    index = np.clip(np.rint((filled - low) / step), 0, INDICES - 1).astype(np.uint16)
    coded = np.stack([index >> 8, index & 255, np.where(known, 0, 255)], axis=-1)
    return saved(Image.fromarray(coded.astype(np.uint8)), "PNG")
