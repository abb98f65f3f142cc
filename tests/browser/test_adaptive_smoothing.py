"""A person mixes an accurate and a robust network, and turns the dial under attack."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page

from tests.browser.expecting import expect
from tests.browser.server import settle

LONG = 240  # seconds, where others compute beside it
pytestmark = pytest.mark.timeout(900)
KEY = "attribution.AdaptiveSmoothing"
FEW = {"seeds": 1, "images": 10, "steps": 5, "epochs": 1, "epsilon": 0.1}  # so it takes seconds
MIXTURE_SETTINGS = {"alpha": 0.9, "epsilon": 0.1}
LINK = {
    f"{KEY}.data": "Digits, 8 × 8",
    **{f"{KEY}.{name}": value for name, value in FEW.items()},
    **{f"{KEY}.one.MixedAnswers.{name}": value for name, value in MIXTURE_SETTINGS.items()},
}


@pytest.mark.slow
def test_two_networks_are_mixed_under_attack_and_the_dial_decides(app_url: str, page: Page) -> None:
    page.goto(f"{app_url}/attribution-experiments?{urlencode(LINK)}")
    settle(page, LONG)
    page.get_by_role("button", name=re.compile("^Run the experiment")).click()
    curve = page.get_by_text(
        re.compile(r"^Right under attack \(first seed\) at α = 0: .*by chance")
    )
    expect(curve).to_be_visible(timeout=1000 * LONG)
    heading = page.get_by_role("heading", name=re.compile("^Attacked, it is read as: normal "))
    expect(heading).to_contain_text("The normal network cannot change that", timeout=1000 * LONG)
    words = re.search(r"robust (\w+), mixture (\w+)\.", heading.inner_text())
    assert words
    assert words[1] == words[2]

    dial = page.get_by_role("slider", name="Share of the robust network")
    dial.focus()
    page.keyboard.press("Home")  # the normal network alone
    expect(heading).to_contain_text("it has no say at α = 0", timeout=1000 * LONG)
    expect(page).to_have_url(re.compile(re.escape(f"{KEY}.one.MixedAnswers.alpha=0") + "(&|$)"))
    words = re.search(r"normal (\w+), robust \w+, mixture (\w+)\.", heading.inner_text())
    assert words
    assert words[1] == words[2]
    expect(page.get_by_role("figure", name=re.compile("^Every pixel is moved by"))).to_be_visible()
