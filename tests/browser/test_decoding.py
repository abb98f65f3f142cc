"""Decoding as a visitor goes through it: the false yes, VCD's no, and the same scene on Ask."""

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
        asked = {name.replace("__", "."): value for name, value in link.items()}
        page.goto(f"{app_url}/decoding?{urlencode(asked)}")
        settle(page, LONG)
        return page

    return opened


def answer(page: Page, name: str) -> str:
    """What a strategy says, as its group of words is called."""
    group = page.get_by_role("group", name=re.compile(f"^{name}: "))
    return (group.get_attribute("aria-label") or "").removeprefix(f"{name}: ")


def test_a_false_yes_is_taken_back_by_vcd_and_by_removing_the_leader(visit: Visit) -> None:
    page = visit()
    finding = page.get_by_role("heading", name=re.compile("Greedy says “yes”; VCD says “no”"))
    expect(finding).to_be_visible()
    expect(finding).to_contain_text("There is no lamp in this scene")
    wrong = page.get_by_role("button", name=re.compile(r"^yes, \d+ % sure, wrong, not so beside"))
    expect(wrong).to_be_visible()
    right = page.get_by_role("button", name=re.compile(r"^no, \d+ % sure, right, not so beside"))
    expect(right).to_have_attribute("aria-pressed", "true")

    wrong.click()
    expect(page.get_by_text("Greedy chose “yes” as its first word")).to_be_visible()

    page.get_by_text("Move things, let them fade, take them out").click()
    page.get_by_text("blue car", exact=True).click()
    expect(page.get_by_role("heading", name="Greedy and VCD say “no”")).to_be_visible()
    expect(page).to_have_url(re.compile("ask.edits=-car"))
    page.get_by_role("button", name="Undo").click()
    expect(finding).to_be_visible()


def test_the_strength_decides_and_a_lamp_that_is_seen_stays(visit: Visit) -> None:
    page = visit(decoding__VCD__alpha="0")
    expect(page.get_by_role("heading", name="Greedy and VCD say “yes”")).to_be_visible()
    again = visit()
    again.get_by_text("What can contrasting not mend?").click()
    again.get_by_role("button", name="Show a lamp that VCD does not mend").click()
    expect(again.get_by_role("heading", name="Greedy and VCD say “yes”")).to_be_visible()
    expect(again.get_by_text(re.compile("Contrasting cannot mend that")).first).to_be_visible()


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
