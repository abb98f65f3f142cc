"""The model's own map, on a radiologist's own slice: beside Grad-CAM, and against the truth."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page

from engine.data.phantoms import Phantoms
from tests.browser.expecting import expect
from tests.browser.lists import choose
from tests.browser.phantom_files import give, slices, volumes
from tests.browser.server import settle

LINK = {
    "model": "Phantom GP-UNet",
    "heatmaps.methods": ["The model's own map", "Grad-CAM"],
    "trust.on": "false",
}
WINDOW = "Full range"  # the one that a scan opens with cuts off what is brightest: the lesion
COMPACT, LARGE = 1, 1.6  # kind and size of the lesion: such as the network has learned
THIRD, EIGHTH = 2, 7  # slice, head that it outlines well; of the first it outlines too much
DICE = re.compile(r"The model's own map: Dice (0\.\d+), IoU 0\.\d+, Grad-CAM: (Dice|nothing)")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "which"), [(slices, THIRD), (volumes, EIGHTH)], ids=["dicom", "nifti"]
)
def test_a_slice_is_outlined_beside_grad_cam_and_against_its_mask(
    app_url: str, page: Page, make, which: int
) -> None:
    image, mask, name = make(Phantoms(size=LARGE, seed=9), COMPACT, which)
    page.goto(f"{app_url}/heatmaps?{urlencode(LINK, doseq=True)}")
    settle(page, 120)
    give(page, "file", name, image)
    expect(page.get_by_text(re.compile("What the model sees: 64 × 64 px"))).to_be_visible()
    choose(page, "Window that the model sees", WINDOW, 120)
    expect(page.get_by_text("What each map outlines")).to_be_visible()
    expect(page.get_by_text(re.compile("stands out in .* of the image")).first).to_be_visible()

    page.get_by_text("Known truth", exact=True).click()
    give(page, "mask", f"mask-{name}", mask)
    dice_text = page.get_by_text(DICE).first
    expect(dice_text).to_be_visible()
    result = DICE.search(dice_text.inner_text())
    assert result
    assert float(result[1]) > 0.4  # of what nobody showed it

    page.get_by_role("button", name=re.compile("Outline 100 other images too")).click()
    usual = page.get_by_text(re.compile(r"The model's own map: Dice 0\.\d+: higher than on")).first
    expect(usual).to_be_visible()
    settle(page, 240)
    above = re.search(r"higher than on (\d+) of 100 other images", usual.inner_text())
    assert above
    assert int(above[1]) > 50  # such a lesion is one that it outlines well
