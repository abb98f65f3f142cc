"""Which explanation? in a browser: no matrix is cut, on a desk and on a telephone."""

from __future__ import annotations

from urllib.parse import urlencode

from playwright.sync_api import Page

from tests.browser.expecting import expect
from tests.browser.server import settle

LINK = {"image": "From a data set", "data": "Digits, 8 × 8", "model": "Digits CNN"}


def test_matrices_are_whole_on_a_desk_and_scrolled_alone_on_a_telephone(
    app_url: str, page: Page
) -> None:
    page.goto(f"{app_url}/which-explanation?{urlencode(LINK)}")
    settle(page)
    for folded in ("Each explainer where the others look", "Do the maps agree, and where not?"):
        page.get_by_text(folded).click()
    settle(page)
    matrices = page.locator("[class*=st-key-wide-]")
    expect(matrices.first).to_be_visible()
    for matrix in matrices.all():  # none is cut at the right
        assert matrix.evaluate("node => node.scrollWidth <= node.clientWidth")

    page.set_viewport_size({"width": 390, "height": 844})
    settle(page)
    matrix = page.locator("[class*=st-key-wide-] [data-testid=stPlotlyChart]").first
    matrix.scroll_into_view_if_needed()
    box = matrix.bounding_box()
    assert box is not None
    assert box["width"] >= 410  # eight columns of numbers; the matrix is scrolled, the page is not
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
