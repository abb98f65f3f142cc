"""Results as pictures: tints, overlays, labeled grids, and the color ramps of both themes."""

from engine.pictures.captioned import Legend, captioned
from engine.pictures.drawn import (
    CELL,
    Pixels,
    as_bytes,
    compared,
    difference,
    ends,
    enlarged,
    extent,
    is_flat,
    labeled,
    lettering,
    overlay,
    tint,
)

__all__ = [
    "CELL",
    "Legend",
    "Pixels",
    "as_bytes",
    "captioned",
    "compared",
    "difference",
    "ends",
    "enlarged",
    "extent",
    "is_flat",
    "labeled",
    "lettering",
    "overlay",
    "tint",
]
