"""A head as NIfTI, slice by slice: the strangest opens by itself, and its mask lies on the scan."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from urllib.parse import urlencode

import nibabel as nib
import numpy as np
import pytest
from playwright.sync_api import Page

from tests.browser.expecting import expect
from tests.browser.phantom_files import give, volumes
from tests.browser.server import settle

LONG = 240  # seconds: phantoms are drawn for the first time
LINK = {"model": "Phantom CNN", "where.normal": "Healthy twins of the brain phantoms"}


def asked(app_url: str, page: Page) -> tuple[bytes, int, int]:
    """The head opened and looked at; its file, the strangest slice, and how many there are."""
    head, _, name = volumes()
    page.goto(f"{app_url}/where-odd?{urlencode(LINK)}")
    settle(page, LONG)
    give(page, "file", name, head)
    settle(page, LONG)
    button = page.get_by_role("button", name=re.compile(r"^Look at \d+ slices"))
    expect(button).to_be_visible(timeout=1000 * LONG)
    settle(page, LONG)
    button.click()
    result = page.get_by_role("heading", name=re.compile(r"^Slice \d+ of \d+ is the strangest"))
    expect(result).to_be_visible(timeout=1000 * LONG)
    settle(page, LONG)
    number, count = map(int, re.findall(r"\d+", result.inner_text())[:2])
    return head, number, count


@pytest.mark.slow
def test_the_strangest_slice_of_a_head_is_opened_and_the_mask_of_all_lies_on_it(
    app_url: str, page: Page, tmp_path: Path
) -> None:
    head, number, count = asked(app_url, page)
    sidebar = page.get_by_test_id("stSidebar")
    place = sidebar.get_by_role("slider", name=re.compile(f"Slice .of {count}."))
    expect(place).to_have_value(str(number))
    expect(page.get_by_role("button", name=f"Slice {number}", exact=True)).to_be_disabled()

    other = page.get_by_role("button", name=re.compile(r"^Slice \d+$")).nth(1)
    words = other.inner_text()
    other.click()
    settle(page, LONG)
    expect(place).to_have_value(words.removeprefix("Slice "))

    page.get_by_role("button", name="Share").last.click()
    page.get_by_text("Slice by slice", exact=True).last.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="blindspot-SliceBySlice-mask.nii.gz").click()
    path = tmp_path / "mask.nii.gz"
    download.value.save_as(path)
    mask = nib.Nifti1Image.from_bytes(gzip.decompress(path.read_bytes()))
    scan = nib.Nifti1Image.from_bytes(head)
    assert np.array_equal(mask.affine, scan.affine)
    assert mask.shape == scan.shape
    assert np.asarray(mask.dataobj).any()
