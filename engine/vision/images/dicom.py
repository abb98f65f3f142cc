"""A DICOM scan: numbers and stored pixels, of which the reader decodes a frame when it is asked.

Only the elements named in `dicom_pixels` and `dicom_header` are read, and only numbers are kept;
what a header says about a person never leaves the reader.
"""

from typing import Any

import numpy as np

from engine.vision.images.orientation import Edges
from engine.vision.images.reader import send_request
from engine.vision.images.scan import Scan, ScanPlane
from engine.vision.images.window import Preset, Window
from engine.vision.images.wire import Arrays, Words


class DicomScan(Scan):
    """One DICOM file; a frame is decoded when it is asked for."""

    title = "DICOM"

    def __init__(self, called: str, said: Words, arrays: Arrays) -> None:
        self.called = called
        self.planes = ("frame",)
        self.frames: int = said["frames"]
        self.unit = said["unit"]
        self.inverted = said["inverted"]
        self.digest = said["digest"]
        self.notes = tuple(said["notes"])
        self.presets = tuple(preset(*fields) for fields in said["presets"])
        self.geometry: list[Any] = said["geometry"]
        self.kept: Words = said["kept"]
        self.pixels = arrays[0]

    def count(self, plane: str) -> int:  # noqa: ARG002 - a file of frames has one direction
        return self.frames

    def cut(self, plane: str, index: int, volume: int) -> ScanPlane:  # noqa: ARG002
        """One frame, decoded."""
        slope, intercept, spacing, edges = self.geometry[index % len(self.geometry)]
        request = {**self.kept, "ask": "frame", "index": index, "scale": [slope, intercept]}
        reply, arrays = send_request(self.called, request, [self.pixels])
        sides = None if edges is None else Edges(*edges)
        values: np.ndarray[Any, Any] = arrays[0]
        return ScanPlane(values, (spacing[0], spacing[1]), sides, reply["step"])


def preset(name: str, center: float, width: float, shape: Any, table: list[float]) -> Preset:
    """A window with its name, from plain words."""
    return Preset(name, Window(center, width, shape, tuple(table)))
