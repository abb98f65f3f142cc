"""Streamlit looks for a pages/ folder beside the main script until st.navigation has run once, and
in that time refuses deep links. app.py serves a script from another folder; this pins the cure."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Serve
from tests.browser.server import ROOT, settle


def test_a_deep_link_opens_its_view_as_the_first_request_to_a_fresh_server(
    serve: Serve, page: Page
) -> None:
    page.goto(f"{serve(ROOT / 'app.py')}/heatmaps")
    settle(page)
    expect(page.get_by_role("heading", name="Heatmaps", level=1)).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_link_to_no_view_says_so_and_opens_the_overview(
    app_url: str, page: Page, console_errors: list[str]
) -> None:
    page.goto(f"{app_url}/no-such-view")
    expect(page.get_by_role("dialog")).to_contain_text("Page not found")
    assert any("does not seem to exist" in error for error in console_errors)
    console_errors.clear()
