"""Where is it odd? as a radiologist takes it: a lesion as DICOM, and a folder of healthy slices."""

from __future__ import annotations

import io
import re
import zipfile
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image

from engine.anomaly.localizers.localizer import NEAREST
from engine.data.phantoms import Phantoms
from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.lists import choose
from tests.browser.server import settle
from tests.scans import dicom

LONG = 120  # seconds, where others compute beside it
RING, HEALTHY = 2, 40  # kind; slices
LINK = {
    "image": "From a data set",
    "data": "phantoms:count=100",  # few, so that they are drawn in a moment
    "where.normal": "Shipped photographs (very few)",
    "where.PatchCore.coreset": "300",
}


def lesion() -> bytes:
    """A ring as DICOM of 12 bits."""
    made = Phantoms(seed=9)
    result = next(phantom for phantom in map(made.slice, range(40)) if phantom.kind == RING)
    values = np.asarray(result.image, np.float32)
    return dicom(np.rint(values / values.max() * 3000).astype(np.uint16))


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
    app_url: str, open_page: OpenPage
) -> None:
    page = open_page()
    page.goto(f"{app_url}/where-odd?{urlencode(LINK)}")
    settle(page, LONG)
    page.get_by_text("Normal images of yours").click()
    zipped = {"name": "healthy.zip", "mimeType": "application/zip", "buffer": folder()}
    page.get_by_test_id("stMain").locator("input[type=file]").first.set_input_files(zipped)
    settle(page, LONG)
    choose(page, "Normal images", re.compile("^Your data"), LONG)
    settle(page, LONG)
    expect(page.get_by_role("img", name="The healthy twin")).to_be_visible(timeout=1000 * LONG)
    file = {"name": "odd.dcm", "mimeType": "", "buffer": lesion()}
    page.get_by_test_id("stSidebar").locator("input[type=file]").first.set_input_files(file)
    settle(page, LONG)
    expect(page.get_by_role("img", name="The healthy twin")).to_have_count(0)  # nobody knows it
    result = page.get_by_role("heading", name=re.compile("^The oddest place is the"))
    expect(result).to_be_visible(timeout=1000 * LONG)
    expect(page.locator(".bs-stage canvas").first).to_be_visible()
    expect(page.get_by_text(re.compile("region(s)? lie(s)? above the threshold"))).to_be_visible()
    sentence = page.get_by_text(re.compile("This patch is at"))
    before = sentence.first.inner_text()
    marks = page.locator(".scatterlayer .point")
    marks.nth(7).click(force=True)
    settle(page, LONG)
    expect(sentence.first).not_to_have_text(before)
    answers = page.get_by_role("figure", name=re.compile("^This patch is at"))
    expect(answers.get_by_role("img")).to_have_count(1 + NEAREST)
    distances = [float(text) for text in answers.locator("small").all_inner_texts()]
    assert distances[0] == distances[1] > 0
    assert distances[1:] == sorted(distances[1:])
