"""A link that leads to no view."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.expecting import expect


def test_a_link_to_no_view_says_so_and_opens_the_start(
    app_url: str, page: Page, console_errors: list[str]
) -> None:
    page.goto(f"{app_url}/no-such-view")
    expect(page.get_by_role("dialog")).to_contain_text("Page not found")
    assert any("does not seem to exist" in error for error in console_errors)
    console_errors.clear()
