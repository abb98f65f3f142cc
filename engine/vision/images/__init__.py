"""Reading images: any ordinary picture file becomes upright 8-bit RGB of a bounded size.

A DICOM or NIfTI file becomes a scan, of which a slice and a window make such a picture. Files are
decoded in a process of its own with limits, see `reader`.

What was done on the way (turned, shrunk, stretched, put on white) is kept as notes for the
person, and what cannot be read is refused with one sentence that says what to do.
"""

from engine.vision.images.crop import Crop, square
from engine.vision.images.picture import (
    MAX_BYTES,
    MAX_KEPT,
    MAX_MB,
    MAX_PIXELS,
    MAX_SHORT,
    MAX_WHOLE,
    Picture,
)
from engine.vision.images.reading import load, read, read_shipped
from engine.vision.images.scan import Scan, Slice, SliceChoice
from engine.vision.images.window import Window

__all__ = [
    "MAX_BYTES",
    "MAX_KEPT",
    "MAX_MB",
    "MAX_PIXELS",
    "MAX_SHORT",
    "MAX_WHOLE",
    "Crop",
    "Picture",
    "Scan",
    "Slice",
    "SliceChoice",
    "Window",
    "load",
    "read",
    "read_shipped",
    "square",
]
