"""Decoding as a visitor goes through it: words that differ, and the same scene on Ask."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page

from components.decoding.form import STORY
from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.server import settle

LONG = 240  # seconds: torch is loaded and the models are asked for the first time

Visit = Callable[..., Page]


@pytest.fixture
def visit(app_url: str, open_page: OpenPage) -> Visit:
    def opened(**link: str) -> Page:
        page = open_page()
        parameters = {name.replace("__", "."): value for name, value in link.items()}
        page.goto(f"{app_url}/decoding?{urlencode(parameters)}")
        settle(page, LONG)
        return page

    return opened


def answer(page: Page, name: str) -> str:
    """What a strategy says, as its group of words is called."""
    group = page.get_by_role("group", name=re.compile(f"^{name}: "))
    return (group.get_attribute("aria-label") or "").removeprefix(f"{name}: ")


@pytest.mark.slow
def test_words_that_differ_are_framed_and_the_same_scene_is_on_ask(visit: Visit) -> None:
    page = visit()
    page.get_by_role("radio", name="describe the image", exact=True).click()
    expect(page.get_by_role("heading", name="Greedy makes up a lamp; VCD makes up")).to_be_visible()
    settle(page, LONG)  # the words follow their heading
    assert "lamp" in answer(page, "Greedy")
    assert "lamp" not in answer(page, "VCD")
    lamp = page.get_by_role("button", name=re.compile("^lamp, .* there is no lamp, not so beside"))
    lamp.click()
    expect(page.get_by_text("Greedy chose “lamp” after")).to_be_visible()

    page.get_by_test_id("stMarkdownContainer").get_by_text("Hallucination", exact=True).click()
    page.get_by_role("menuitem", name="Ask").click()
    settle(page, LONG)
    expect(page.get_by_role("heading", name="Ask", exact=True)).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Scene")).to_have_value(str(STORY))
    expect(page.get_by_role("textbox", name="Your question")).to_have_value("describe the image")
