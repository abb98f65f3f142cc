"""The trust panel, as a person uses it: read the summary, ask for a dear trial, unfold it."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.server import settle

GUIDED = {
    "image": "From a data set",
    "data": "Digits, 8 × 8",
    "model": "Digits CNN",
    "heatmaps.methods": ["Guided backpropagation", "Gradient"],
}


@pytest.fixture
def opened(app_url: str, open_page: OpenPage) -> Page:
    """Heatmaps with two gradient maps of a digit."""
    page = open_page()
    page.goto(f"{app_url}/heatmaps?{urlencode(GUIDED, doseq=True)}")
    page.get_by_text("Can Guided backpropagation be trusted?").wait_for()
    settle(page)
    return page


@pytest.mark.slow
def test_a_dear_trial_is_asked_for_and_its_sentence_and_maps_are_read(opened: Page) -> None:
    line = opened.locator("p").filter(has_text="Can Guided backpropagation be trusted?")
    expect(line).to_contain_text("3 not tried yet")
    opened.get_by_role("button", name=re.compile("^Try it: 4 more maps")).first.click()
    trial = opened.get_by_text("Does it need what was learned?").first
    expect(trial).to_contain_text(re.compile(r"(passed|speaks|neither).*random weights"))
    expect(line).to_contain_text("2 not tried yet")
    trial.click()
    expect(opened.get_by_text("with random weights: ").first).to_be_visible()
    expect(opened.get_by_text("once all layers are shuffled").first).to_be_visible()


def test_the_trials_are_read_and_made_with_the_keyboard_alone(opened: Page) -> None:
    trial = opened.locator("summary").filter(has_text="Do the strong pixels carry the score?").first
    trial.focus()
    opened.keyboard.press("Enter")
    expect(
        opened.get_by_text("all copies of the map, turned, mirrored or moved").first
    ).to_be_visible()
    button = opened.get_by_role("button", name=re.compile("^Try it: 3 more maps")).first
    button.focus()
    opened.keyboard.press("Enter")
    expect(opened.get_by_text("It has no random numbers").first).to_be_visible()
