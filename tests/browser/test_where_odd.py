"""Where is it odd? as a radiologist takes it: a lesion as DICOM, and a folder of healthy slices."""

import gzip
import io
import re
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from engine.anomaly.localizers.localizer import NEAREST
from engine.vision.data.phantoms import Phantoms
from tests.browser.conftest import Visit
from tests.browser.expecting import LONG, expect
from tests.browser.phantom_files import give, slices, volumes
from tests.browser.server import choose, settle

HEALTHY = 40  # slices
LINK = {
    "image": "From a data set",
    "data": "phantoms:count=100",  # few, so that they are drawn in a moment
    "where.normal": "Shipped photographs (very few)",
    "where.PatchCore.coreset": "300",
}


def folder() -> bytes:
    """Healthy slices of other patients, as PNG in a zip."""
    made, buffer = Phantoms(seed=5), io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(HEALTHY):
            picture = io.BytesIO()
            Image.fromarray(made.slice(10 * number).twin).save(picture, "PNG")
            archive.writestr(f"{number}.png", picture.getvalue())
    return buffer.getvalue()


@pytest.mark.slow
def test_own_healthy_slices_show_where_a_scan_is_odd_and_a_click_shows_what_answers_it(
    visit: Visit,
) -> None:
    page = visit("where-odd", LINK)
    page.get_by_text("Normal images of yours").click()
    zipped = {"name": "healthy.zip", "mimeType": "application/zip", "buffer": folder()}
    page.get_by_test_id("stMain").locator("input[type=file]").first.set_input_files(zipped)
    settle(page)
    choose(page, "Normal images", re.compile("^Your data"))
    expect(page.get_by_role("img", name="The healthy twin")).to_be_visible(timeout=LONG)
    lesion, _, name = slices(Phantoms(seed=9))
    give(page, "file", name, lesion)
    expect(page.get_by_role("img", name="The healthy twin")).to_have_count(0)  # nobody knows it
    result = page.get_by_role("heading", name=re.compile("^The oddest place is the"))
    expect(result).to_be_visible(timeout=LONG)
    expect(page.locator(".bs-stage canvas").first).to_be_visible()
    expect(page.get_by_text(re.compile("region(s)? lie(s)? above the threshold"))).to_be_visible()
    sentence = page.get_by_text(re.compile("This patch is at"))
    before = sentence.first.inner_text()
    page.locator(".scatterlayer .point").nth(7).click(force=True)
    settle(page)
    expect(sentence.first).not_to_have_text(before)
    answers = page.get_by_role("figure", name=re.compile("^This patch is at"))
    expect(answers.get_by_role("img")).to_have_count(1 + NEAREST)
    distances = [float(text) for text in answers.locator("small").all_inner_texts()]
    assert distances[0] == distances[1] > 0
    assert distances[1:] == sorted(distances[1:])


TWINS = {"model": "Phantom CNN", "where.normal": "Healthy twins of the brain phantoms"}


@pytest.mark.slow
def test_the_strangest_slice_of_a_head_is_opened_and_the_mask_of_all_lies_on_it(
    visit: Visit, tmp_path: Path
) -> None:
    page = visit("where-odd", TWINS)
    head, _, name = volumes()
    give(page, "file", name, head)
    button = page.get_by_role("button", name=re.compile(r"^Look at \d+ slices"))
    expect(button).to_be_visible(timeout=LONG)
    settle(page)
    button.click()
    result = page.get_by_role("heading", name=re.compile(r"^Slice \d+ of \d+ is the strangest"))
    expect(result).to_be_visible(timeout=LONG)
    settle(page)
    number, count = map(int, re.findall(r"\d+", result.inner_text())[:2])
    sidebar = page.get_by_test_id("stSidebar")
    place = sidebar.get_by_role("slider", name=re.compile(f"Slice .of {count}."))
    expect(place).to_have_value(str(number))
    expect(page.get_by_role("button", name=f"Slice {number}", exact=True)).to_be_disabled()

    other = page.get_by_role("button", name=re.compile(r"^Slice \d+$")).nth(1)
    words = other.inner_text()
    other.click()
    settle(page)
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
