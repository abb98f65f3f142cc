"""The tape of a ticket: a level back moves masks, curve, and what the network says of a digit."""

from __future__ import annotations

import re

from playwright.sync_api import Page

from tests.browser.expecting import expect
from tests.browser.server import settle


def test_a_level_back_moves_masks_curve_and_one_image_s_answer(app_url: str, page: Page) -> None:
    page.goto(f"{app_url}/tickets")
    settle(page)
    first = page.get_by_role("heading", name=re.compile(r"the ticket is right on"))
    before = first.inner_text()
    expect(page.get_by_text("What stays of each layer at level 15")).to_be_visible()
    expect(page.get_by_text(re.compile("^How alike the seeds"))).to_be_visible()

    page.get_by_role("slider", name="Level").press("ArrowLeft")
    expect(page.get_by_text("What stays of each layer at level 14")).to_be_visible()
    settle(page)
    assert first.inner_text() != before
    expect(page).to_have_url(re.compile(r"tickets\.level=14"))
    expect(page.get_by_text(re.compile(r"^Ticket, 4\.4 %"))).to_be_visible()

    expect(page.get_by_text(re.compile("^Asked about a 6"))).to_be_visible()
    page.get_by_role("button", name=re.compile(": 5$")).first.press("Enter")
    expect(page.get_by_text(re.compile("^Asked about a 5"))).to_be_visible()
    expect(page.get_by_text("What stays of each layer at level 14")).to_be_visible()
