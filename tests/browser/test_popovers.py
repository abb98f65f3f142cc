"""A menu that is open stays where it is on the screen, whatever comes above it meanwhile."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.server import eventually, settle

ABOVE = """height => {
  const added = document.createElement('div');
  added.style.height = `${height}px`;
  document.querySelector('[data-testid=stMainBlockContainer]').prepend(added);
}"""


def top(page: Page) -> float:
    """Of the open menu on the screen, px; −1 while it is drawn anew."""
    box = page.get_by_test_id("stPopoverBody").bounding_box()
    return box["y"] if box else -1


def test_an_open_menu_stays_when_an_answer_comes_above_it_and_may_be_scrolled_away(
    app_url: str, open_page: OpenPage
) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{app_url}/familiar")
    settle(page, 240)
    share = page.get_by_role("button", name="Share", exact=True)
    share.click()
    expect(page.get_by_role("button", name="Pin", exact=True)).to_be_visible()
    settle(page)
    before, button = top(page), share.bounding_box()
    page.evaluate(ABOVE, 600)
    eventually(share.bounding_box, lambda box: box == button)
    assert abs(eventually(lambda: top(page), lambda y: y >= 0) - before) < 2
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollBy(0, -150)")
    assert button is not None
    eventually(lambda: (share.bounding_box() or button)["y"] - button["y"], lambda by: by == 150)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)
    page.evaluate(ABOVE, 300)  # once it is closed, nothing is scrolled
    script = "document.querySelector('[data-testid=stMain]').style.overflowAnchor"
    eventually(lambda: page.evaluate(script), lambda anchor: anchor == "")
