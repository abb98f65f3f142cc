"""From the start into an example, with another image in the sidebar already."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.server import settle


def test_an_example_sets_what_it_needs_though_another_image_was_chosen(
    app_url: str, page: Page
) -> None:
    page.goto(f"{app_url}/?image=A+dahlia")
    settle(page)
    page.get_by_role("button", name="Example: where is the espresso?").click()
    expect(page.get_by_role("heading", name="Heatmaps")).to_be_visible()
    expect(page.get_by_text("speak for “espresso”")).to_be_visible()
    expect(page).to_have_url(re.compile(r"image=A\+cup\+of\+coffee"))
