"""Streamlit looks for a pages/ folder beside the main script until st.navigation has run once, and
in that time refuses deep links. app.py serves a script from another folder; this pins the cure."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from playwright.sync_api import Page

from tests.browser.conftest import Serve
from tests.browser.expecting import expect
from tests.browser.server import ROOT, settle
from tests.browser.test_journeys import ONE, made


def test_a_deep_link_opens_its_view_with_its_settings_as_the_first_request_to_a_fresh_server(
    serve: Serve, page: Page
) -> None:
    link = ONE | {"image": "A cup of coffee", "heatmaps.Gradient.channels": "size", "seed": "3"}
    page.goto(f"{serve(ROOT / 'app.py')}/heatmaps?{urlencode(link)}")
    settle(page)
    expect(page.get_by_role("heading", name="Heatmaps", level=1)).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(made(page)).to_contain_text("espresso (logit)")
    expect(page).to_have_url(re.compile("channels=size"))


def test_a_link_to_no_view_says_so_and_opens_the_start(
    app_url: str, page: Page, console_errors: list[str]
) -> None:
    page.goto(f"{app_url}/no-such-view")
    expect(page.get_by_role("dialog")).to_contain_text("Page not found")
    assert any("does not seem to exist" in error for error in console_errors)
    console_errors.clear()
