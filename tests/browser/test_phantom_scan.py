"""A phantom comes as DICOM and as NIfTI, is windowed, explained and scored against its mask."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import numpy as np
import pytest
from playwright.sync_api import Page

from engine.data.phantoms import Phantoms
from tests.browser.expecting import expect
from tests.browser.server import settle
from tests.browser.test_journeys import canvas, expect_another
from tests.scans import dicom, nifti

LINK = {"model": "Phantom CNN", "heatmaps.methods": "Gradient", "trust.on": "false"}
RING = 2  # the kind of lesion that nobody overlooks


def slices(
    phantoms: Phantoms | None = None, kind: int = RING, nth: int = 0
) -> tuple[bytes, bytes, str]:
    """The nth slice with a lesion of a kind as DICOM of 12 bits, and its mask."""
    phantoms = phantoms or Phantoms()
    found = [one for one in map(phantoms.slice, range(60)) if one.kind == kind][nth]
    values = np.asarray(found.image, np.float32)
    deep = np.rint(values / values.max() * 3000).astype(np.uint16)
    return dicom(deep), dicom(found.mask.astype(np.uint16)), "slice.dcm"


def volumes(
    phantoms: Phantoms | None = None, kind: int = RING, patient: int = 3
) -> tuple[bytes, bytes, str]:
    """A head with a lesion as NIfTI, moved so that this lies in the middle, and its mask."""
    volume = (phantoms or Phantoms()).volume(patient, kind)
    level = int(volume.mask.sum((0, 1)).argmax())
    shift = volume.mask.shape[2] // 2 - level
    head, mask = (np.roll(part, shift, 2) for part in (volume.voxels, volume.mask))
    return nifti(head, volume.affine), nifti(mask.astype(np.int16), volume.affine), "head.nii"


def give(page: Page, what: str, name: str, data: bytes) -> None:
    file = {"name": name, "mimeType": "", "buffer": data}
    page.locator(f".st-key-subject-{what} input[type=file]").set_input_files(file)
    settle(page, 120)


@pytest.mark.parametrize("make", [slices, volumes], ids=["dicom", "nifti"])
def test_it_is_opened_windowed_explained_and_scored(app_url: str, page: Page, make) -> None:
    image, mask, name = make()
    page.goto(f"{app_url}/heatmaps?{urlencode(LINK)}")
    settle(page, 120)
    give(page, "file", name, image)
    expect(page.get_by_text(re.compile("What the model sees: 96 × 96 px"))).to_be_visible()
    made = page.get_by_text(re.compile(r"phantom-cnn \w+ · attribution\.Gradient"))
    expect(made).to_be_visible()

    before = canvas(page)
    page.locator(".bs-stage").first.hover()
    page.keyboard.press("w")
    page.keyboard.press("ArrowUp")
    expect_another(page, before)

    page.get_by_text("Known truth", exact=True).click()
    give(page, "mask", f"mask-{name}", mask)
    expect(page.get_by_text("The orange border is the known truth")).to_be_visible()
    expect(page.get_by_role("button", name="Border of the known truth")).to_be_visible()
