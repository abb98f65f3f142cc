"""DICOM files: slices at full bit depth with their geometry and windows, and nothing else.

Only the elements named here are read, and only numbers are kept; what a header says about a
person is never in memory after `opened` returns. pydicom repeats values in its warnings, log and
exceptions, so these are not heard and not passed on.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread

from engine.errors import BadImage
from engine.images.dicom_header import READ_ONCE, geometry, has, padding, word
from engine.images.dicom_pixels import (
    DECODING,
    check_inflated,
    colored,
    decode,
    digest,
    frames,
    modality,
    stripped,
)
from engine.images.scan import Plane, Scan, View
from engine.images.window import FARTHEST, Preset, presets, spanning

_reading = Lock()  # warnings are silenced for the whole process, so one file at a time
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")


@contextmanager
def quietly() -> Iterator[None]:
    """Nothing that pydicom would warn of is heard."""
    with _reading, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class DicomScan(Scan):
    """One DICOM file; a frame is decoded when it is asked for."""

    title = "DICOM"

    def __init__(self, header: Dataset, called: str) -> None:
        self.called = called
        self.pixels = stripped(header)
        self.rows, self.columns = int(self.pixels.Rows), int(self.pixels.Columns)
        self.photometric = str(self.pixels.PhotometricInterpretation).strip().upper()
        self.frames, self.notes = frames(self.pixels)
        self.geometry = geometry(header, self.frames)
        self.padding = padding(header)
        self.planes = ("frame",)
        self.inverted = self.photometric == "MONOCHROME1"
        hounsfield = word(header, "Modality") == "CT" or word(header, "RescaleType") == "HU"
        if hounsfield and self.is_gray and has(header, "RescaleSlope"):
            self.unit = "HU"
        self.presets = ()
        meant = (self.geometry, self.padding, self.inverted, self.unit)
        self.digest = digest(self.pixels, repr(meant))

    @property
    def is_gray(self) -> bool:
        """Whether a window means anything."""
        return self.photometric.startswith("MONOCHROME")

    def count(self, plane: str) -> int:  # noqa: ARG002 - a file of frames has one direction
        """The frames."""
        return self.frames

    def settle_presets(self, values: NDArray[np.float32]) -> None:
        """The windows, from the middle frame: one choice for all frames."""
        own = self.geometry[self.frames // 2 % len(self.geometry)].windows
        bits = int(self.pixels.get("BitsStored") or 16)
        if not own and bits <= 8 and "PixelData" in self.pixels and self.unit != "HU":
            stored = Preset(f"All of {bits} bits", spanning(0, 2.0**bits - 1))
            self.presets = (stored, *presets(values, (), hounsfield=False))
        else:
            self.presets = presets(values, own, hounsfield=self.unit == "HU")

    def cut(self, plane: str, index: int, volume: int) -> Plane:  # noqa: ARG002
        """One frame, decoded."""
        frame = self.geometry[index % len(self.geometry)]
        words = ""
        try:
            with quietly():
                raw, said = decode(self.pixels, index)
                if not self.is_gray:
                    color = colored(raw, said, self.pixels, self.photometric)
                    return Plane(color, frame.spacing, frame.edges)
                values = modality(raw, self.pixels, frame)
        except BadImage as error:
            words = str(error)
        except MemoryError:
            words = "needs more memory than this machine has free: open a smaller one"
        except Exception:  # noqa: BLE001 - its text may repeat the header, so it goes no further
            words = "is damaged or inconsistent (its pixels cannot be decoded): export it again"
        if words:
            raise BadImage(f"{self.called} {words}.")
        if self.padding and np.issubdtype(raw.dtype, np.integer):
            low, high = self.padding
            values[(raw >= low) & (raw <= high)] = np.nan
        values[~(np.abs(values) <= FARTHEST)] = np.nan
        whole = np.issubdtype(raw.dtype, np.integer) and "ModalityLUTSequence" not in self.pixels
        step = abs(frame.slope) if whole else float("ModalityLUTSequence" in self.pixels)
        return Plane(values, frame.spacing, frame.edges, step)


def opened(data: bytes, called: str) -> DicomScan:
    """A file; BadImage when it holds no image that can be shown."""
    words = ""
    try:
        with quietly():
            check_inflated(data)
            header = dcmread(BytesIO(data), force=True, specific_tags=[*DECODING, *READ_ONCE])
            scan = DicomScan(header, called)
    except BadImage as error:
        words = str(error)
    except MemoryError:
        words = "needs more memory than this machine has free: open a smaller one"
    except Exception:  # noqa: BLE001 - its text may repeat the header, so it goes no further
        words = "is damaged or cut off (its DICOM data make no sense): export it again"
    if words:
        raise BadImage(f"{called} {words}.")
    if scan.is_gray:
        plane = scan.cut("frame", scan.frames // 2, 0)
        scan.settle_presets(np.asarray(plane.values, np.float32))
    else:
        scan.picture(View())
    return scan
