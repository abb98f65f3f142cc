"""Ask in a browser: words by mouse and keys, and their maps."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.server import settle
from tests.browser.test_journeys import canvas, expect_another

LONG = 240  # seconds: torch is loaded and the models are asked for the first time

Visit = Callable[..., Page]


@pytest.fixture
def visit(app_url: str, open_page: OpenPage) -> Visit:
    def opened(**link: str) -> Page:
        page = open_page()
        parameters = {f"ask.{name}": value for name, value in link.items()}
        page.goto(f"{app_url}/ask?{urlencode(parameters)}")
        settle(page, LONG)
        return page

    return opened


def test_words_are_picked_by_mouse_and_keys_and_their_map_is_held_against_the_mask(
    visit: Visit,
) -> None:
    page = visit(ask="describe closely", kind="Partners together, as learned", scene="3")
    answer = page.get_by_role("group", name=re.compile("^The answer: "))
    boat = answer.get_by_role("button", name=re.compile("^boat, .* sure, the boat is there"))
    before = canvas(page)
    boat.click()
    expect(page.get_by_text("Where did “boat” look?").first).to_be_visible()
    expect(page.get_by_text(re.compile("How well the maps find the boat"))).to_be_visible()
    expect_another(page, before)
    expect(page.get_by_role("button", name="Border of the known truth")).to_be_visible()
    expect(boat).to_have_attribute("aria-pressed", "true")

    fish = answer.get_by_role("button", name=re.compile("^fish, "))
    fish.focus()
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_text("Where did “boat fish” look?").first).to_be_visible()
    expect(page.get_by_text(re.compile("find the boat and the fish"))).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Where did “fish” look?").first).to_be_visible()
    expect(page).to_have_url(re.compile("ask.words="))
