"""A person mixes an accurate and a robust network, and turns the dial under attack."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from playwright.sync_api import Page

from tests.browser.expecting import expect
from tests.browser.server import settle

LONG = 240  # seconds, where others compute beside it
SLOT = "attribution.AdaptiveSmoothing.one.MixedAnswers"


def test_two_networks_are_mixed_under_attack_and_the_dial_decides(
    app_url: str, page: Page
) -> None:
    page.goto(f"{app_url}/attribution-experiments?{urlencode({f'{SLOT}.alpha': '0.9'})}")
    settle(page, LONG)
    sure = page.get_by_role("heading", name=re.compile("^Attacked, it is read as: normal "))
    expect(sure).to_contain_text("The normal network cannot change that")
    robust = re.search(r"robust (\w+), mixture (\w+)\.", sure.inner_text())
    assert robust
    assert robust[1] == robust[2]

    dial = page.get_by_role("slider", name="Share of the robust network")
    dial.focus()
    page.keyboard.press("Home")  # the normal network alone
    expect(sure).to_contain_text("The normal network could change that", timeout=1000 * LONG)
    expect(page).to_have_url(re.compile(re.escape(f"{SLOT}.alpha=0")))
    settle(page, LONG)
    normal = re.search(r"normal (\w+), robust \w+, mixture (\w+)\.", sure.inner_text())
    assert normal
    assert normal[1] == normal[2]
    expect(page.get_by_role("figure", name=re.compile("^Every pixel is moved by"))).to_be_visible()
