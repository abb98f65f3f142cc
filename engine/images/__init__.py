"""Reading images: any ordinary picture file becomes upright 8-bit RGB of a bounded size.

What was done on the way (turned, shrunk, stretched, put on white) is kept as notes for the
person, and what cannot be read is refused with one sentence that says what to do.
"""

from engine.images.crop import Crop, square
from engine.images.picture import (
    MAX_BYTES,
    MAX_KEPT,
    MAX_PIXELS,
    MAX_SHORT,
    MAX_WHOLE,
    Picture,
    read,
)

__all__ = [
    "MAX_BYTES",
    "MAX_KEPT",
    "MAX_PIXELS",
    "MAX_SHORT",
    "MAX_WHOLE",
    "Crop",
    "Picture",
    "read",
    "square",
]
