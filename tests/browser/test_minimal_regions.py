"""A person searches a digit, walks through the steps, and explains an error."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page

from tests.browser.expecting import expect
from tests.browser.server import settle

LINK = {"image": "From a data set", "data": "Digits, 8 × 8", "model": "Digits CNN"}
COARSE = {"minimal.shape": "grid", "minimal.regions": "16"}


@pytest.mark.slow
def test_a_digit_is_searched_stepped_through_and_asked_as_if_it_were_another(
    app_url: str, page: Page
) -> None:
    page.goto(f"{app_url}/minimal-regions?{urlencode(LINK | COARSE)}")
    settle(page)
    expect(page.get_by_text(re.compile("forward passes; the plain greedy search"))).to_be_visible()
    expect(page.get_by_text(re.compile("of 5 random orders"))).to_be_visible()
    step = page.get_by_role("slider", name="Regions shown")
    step.focus()
    page.keyboard.press("Home")
    status = page.get_by_text(re.compile("^[0-9]+ of 16 regions"))
    expect(status).to_contain_text("0 of 16 regions (0 %)")
    page.keyboard.press("ArrowRight")
    expect(status).to_contain_text("1 of 16 regions (6 %)")
    expect(page).to_have_url(re.compile("minimal.step=1"))
    page.reload()
    settle(page)
    expect(status).to_contain_text("1 of 16 regions (6 %)")

    page.get_by_text("Explain the error").click()
    expect(page.get_by_text("The data set says: 1.")).to_be_visible()
    expect(page.get_by_text("There is no error to explain")).to_be_visible()
