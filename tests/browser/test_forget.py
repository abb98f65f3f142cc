"""Forget in a browser: a mark under the mouse, and a table that is wider than a telephone."""

from __future__ import annotations

import re

from playwright.sync_api import Page

from tests.browser.expecting import expect
from tests.browser.server import eventually, settle

FADES = """node => getComputedStyle(node).getPropertyValue('--more')"""
BOARD = "[data-testid=stMain] [aria-label=Scoreboard]"
LONG = 240  # seconds: the model is loaded and asked for the first time


def test_a_mark_is_clicked_and_on_a_telephone_a_wide_table_fades_where_there_is_more(
    app_url: str, page: Page
) -> None:
    page.goto(f"{app_url}/forget")
    settle(page, LONG)
    page.get_by_role("radio", name="Each image", exact=True).click()
    settle(page, LONG)
    mark = page.locator(".scatterlayer .trace.scatter .points path").nth(40)
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    assert box is not None
    large = page.get_by_text(re.compile("^Image \\d+, labeled 3$")).last
    first = large.inner_text()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(large).not_to_have_text(first, timeout=1000 * LONG)
    settle(page, LONG)

    page.set_viewport_size({"width": 390, "height": 844})
    board = page.locator(BOARD)
    eventually(lambda: board.evaluate(FADES), lambda width: width != "0px")
    assert board.evaluate("node => node.scrollWidth > node.clientWidth")
    board.evaluate("node => node.scrollTo(node.scrollWidth, 0)")
    eventually(lambda: board.evaluate(FADES), lambda width: width == "0px")
    page.set_viewport_size({"width": 1900, "height": 900})
    eventually(lambda: board.evaluate(FADES), lambda width: width == "0px")
