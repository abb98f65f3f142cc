"""Study as a visitor takes it: the kept study, an image's maps, phantoms, files, and a stop."""

import csv
import io
import re
from pathlib import Path

import pytest

from tests.browser.conftest import Visit
from tests.browser.expecting import LONG, expect
from tests.browser.server import settle


@pytest.mark.slow
def test_the_kept_study_is_read_an_image_looked_at_and_another_study_stopped(visit: Visit) -> None:
    page = visit("study")
    expect(page.get_by_role("heading", name=re.compile("rely first on"))).to_be_visible()
    table = page.get_by_role("region", name="Table of the study")
    assert table.get_by_role("rowheader").count() == 11
    expect(page.get_by_text("kept from before").first).to_be_visible()
    grid = page.locator("figure.bs-pictures")
    expect(grid).to_be_visible(timeout=LONG)
    maps = grid.locator("img").count()
    assert maps % 11 == 0
    assert maps >= 22
    cell = grid.locator("td").nth(2)
    assert re.match(r"Saliency · cosine \S+, \w+", cell.locator("img").get_attribute("alt") or "")
    expect(cell).to_contain_text(re.compile("[✓✗] points"))

    page.get_by_role("button", name="Share", exact=True).click()  # one row for study and maps
    page.get_by_text("Study of ten methods", exact=True).last.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="blindspot-Study-maps.csv").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
    assert {row["method"] for row in rows} >= {"LIME", "Occlusion", "Random order"}

    page.keyboard.press("Escape")
    page.get_by_role("radio", name="Brain phantoms").click()
    settle(page)
    expect(page.get_by_role("heading", name=re.compile("phantom slices"))).to_be_visible()
    expect(page.locator(".st-key-study-image input")).to_have_value("866: ring")
    assert "study.source=Brain+phantoms" in page.url

    page = visit("study", {"study.count": "40"})
    page.get_by_role("button", name=re.compile("^Run the study")).click()
    page.get_by_role("button", name="Stop", exact=True).first.click(timeout=LONG)
    expect(page.get_by_text("Stopped.")).to_be_visible(timeout=LONG)
