"""Results as pictures: tints, overlays, labeled grids, and the color ramps of both themes."""

from engine.pictures.drawn import (
    CELL,
    Pixels,
    as_bytes,
    difference,
    ends,
    enlarged,
    labeled,
    overlay,
    tint,
)

__all__ = [
    "CELL",
    "Pixels",
    "as_bytes",
    "difference",
    "ends",
    "enlarged",
    "labeled",
    "overlay",
    "tint",
]
