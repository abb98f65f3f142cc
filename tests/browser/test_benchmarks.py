"""A person opens their captions on Benchmarks, reads CHAIR, and opens a row."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page

from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.server import settle

CAPTIONS = (
    "\ufeffcaption,objects,group\r\n"
    "A dog.,dog;bench,short\r\n"
    "A puppy and a cat beside a bench.,dog;bench,long\r\n"
)
LONG = 240  # seconds: torch is loaded
LINK = "benchmarks?benchmarks.count=20&benchmarks.decodings=Greedy"  # nothing is computed by itself


def read_captions(app_url: str, page: Page) -> Locator:
    """Open the captions on Benchmarks; gives the sentence about them, which is checked."""
    page.goto(f"{app_url}/{LINK}")
    settle(page, LONG)
    uploader = page.locator("[data-testid=stFileUploaderDropzoneInput]")
    content = CAPTIONS.encode("utf-16")
    uploader.set_input_files({"name": "mine.csv", "mimeType": "text/csv", "buffer": content})
    heading = page.get_by_role("heading", name=re.compile("^CHAIRi 25.0 %, CHAIRs 50.0 % of 2"))
    expect(heading).to_be_visible()
    expect(heading).to_contain_text("at recall 75.0 %")
    return heading


def test_a_csv_of_captions_is_read_and_a_row_is_opened_by_the_mouse(
    app_url: str, open_page: OpenPage
) -> None:
    page = open_page()
    read_captions(app_url, page)
    expect(page.get_by_text("✗ cat")).to_be_visible()  # the worst caption is open
    settle(page)

    table = page.get_by_test_id("stDataFrame").last
    table.scroll_into_view_if_needed()
    table.click(position={"x": 14, "y": 88})  # the box before the second row
    expect(page.get_by_text("✗ cat")).to_have_count(0)
    expect(page.get_by_text("✓ dog")).to_be_visible()
