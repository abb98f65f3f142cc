"""Phantoms as files that a person opens: DICOM slices and NIfTI volumes, each with its mask."""

import numpy as np
from playwright.sync_api import Page

from engine.vision.data.phantoms import Phantoms
from tests.browser.server import settle
from tests.scans import dicom, nifti

RING = 2  # the kind of lesion that nobody overlooks


def slices(
    phantoms: Phantoms | None = None, kind: int = RING, nth: int = 0
) -> tuple[bytes, bytes, str]:
    """The nth slice with a lesion of a kind as DICOM of 12 bits, and its mask."""
    phantoms = phantoms or Phantoms()
    result = [phantom for phantom in map(phantoms.slice, range(60)) if phantom.kind == kind][nth]
    values = np.asarray(result.image, np.float32)
    deep = np.rint(values / values.max() * 3000).astype(np.uint16)
    return dicom(deep), dicom(result.mask.astype(np.uint16)), "slice.dcm"


def volumes(
    phantoms: Phantoms | None = None, kind: int = RING, patient: int = 3
) -> tuple[bytes, bytes, str]:
    """A head with a lesion as NIfTI, moved so that this lies in the middle, and its mask."""
    volume = (phantoms or Phantoms()).volume(patient, kind)
    shift = volume.mask.shape[2] // 2 - int(volume.mask.sum((0, 1)).argmax())
    head, mask = (np.roll(part, shift, 2) for part in (volume.voxels, volume.mask))
    return nifti(head, volume.affine), nifti(mask.astype(np.int16), volume.affine), "head.nii"


def give(page: Page, what: str, name: str, data: bytes) -> None:
    file = {"name": name, "mimeType": "", "buffer": data}
    page.locator(f".st-key-subject-{what} input[type=file]").set_input_files(file)
    settle(page)
