"""On a telephone nothing is cut off, and what is drawn can be read."""

from __future__ import annotations

from urllib.parse import urlencode

from playwright.sync_api import Page

from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.server import eventually, settle
from tests.browser.test_level_sets import walk

DIGIT = {"image": "From a data set", "data": "Digits, 8 × 8", "model": "Digits CNN"}
PHONE = {"width": 390, "height": 844}
SMALLEST = 11  # px of a letter

SIZES = """nodes => nodes.map(node =>
  node.getScreenCTM()?.a * parseFloat(getComputedStyle(node).fontSize))"""


def opened(open_page: OpenPage, url: str) -> Page:
    page = open_page(viewport=PHONE)
    page.goto(url)
    settle(page, 240)
    return page


def are_readable(sizes: list[float]) -> bool:
    return bool(sizes) and all(SMALLEST <= size < 2 * SMALLEST for size in sizes)


def expect_wrapped_pills(page: Page) -> None:
    """No row of words is scrolled sideways."""
    rows = page.locator("[data-testid=stMain] [data-testid=stButtonGroup] > div")
    expect(rows.first).to_be_visible()
    assert rows.evaluate_all("nodes => nodes.every(node => node.scrollWidth <= node.clientWidth)")


def test_the_histogram_of_scores_keeps_the_size_of_its_letters(
    app_url: str, open_page: OpenPage
) -> None:
    page = opened(open_page, f"{app_url}/familiar?{urlencode(DIGIT)}")
    expect_wrapped_pills(page)
    letters = page.locator(".bs-histogram svg text")
    for width in (PHONE["width"], 1280):  # it is drawn anew for another window
        page.set_viewport_size({**PHONE, "width": width})
        settle(page)
        expect(letters.filter(has_text="this image")).to_be_visible()
        eventually(lambda: letters.evaluate_all(SIZES), are_readable)


def test_the_figures_of_a_walk_can_be_read(app_url: str, open_page: OpenPage) -> None:
    page = opened(open_page, f"{app_url}/level-sets?levels.walk.steps=20&levels.walk.eta=0.1")
    expect_wrapped_pills(page)
    row = page.get_by_role("row").filter(has_text="RMSE to target")
    if not row.count():
        walk(page)
    expect(row.get_by_role("cell").last).to_be_visible()
    box = row.get_by_role("cell").last.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= PHONE["width"]
