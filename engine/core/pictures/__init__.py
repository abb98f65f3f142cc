"""Results as pictures: tints, overlays, labeled grids, and the color ramps of both themes."""

from engine.core.pictures.captioned import Legend, captioned
from engine.core.pictures.drawn import (
    CELL,
    Pixels,
    amplified_difference,
    as_bytes,
    enlarged,
    extent,
    is_flat,
    labeled_grid,
    lettering,
    overlay,
    overlay_masks,
    scale_ends,
    tint,
)

__all__ = [
    "CELL",
    "Legend",
    "Pixels",
    "amplified_difference",
    "as_bytes",
    "captioned",
    "enlarged",
    "extent",
    "is_flat",
    "labeled_grid",
    "lettering",
    "overlay",
    "overlay_masks",
    "scale_ends",
    "tint",
]
