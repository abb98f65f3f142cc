"""Ask as a visitor goes through it: a false yes, what it hangs on, words and their maps."""

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
        asked = {f"ask.{name}": value for name, value in link.items()}
        page.goto(f"{app_url}/ask?{urlencode(asked)}")
        settle(page, LONG)
        return page

    return opened


def test_a_false_yes_goes_away_with_the_leader_and_undo_brings_it_back(visit: Visit) -> None:
    page = visit()
    expect(
        page.get_by_role("heading", name="Wrong. There is no lamp in this scene")
    ).to_be_visible()
    yes = page.get_by_role("button", name=re.compile(r"^yes, \d+ % sure, wrong"))
    expect(yes).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text(re.compile("“yes” hangs on the car"))).to_be_visible()
    before = canvas(page)
    page.get_by_text("blue car", exact=True).click()
    expect(
        page.get_by_role("heading", name="Right. There is no lamp in this scene")
    ).to_be_visible()
    expect(page.get_by_role("button", name=re.compile(r"^no, \d+ % sure, right"))).to_be_visible()
    expect(page).to_have_url(re.compile("ask.edits=-car"))
    expect_another(page, before)

    again = visit()
    again.goto(page.url)
    settle(again, LONG)
    expect(again.get_by_role("heading", name="Right. There is no lamp")).to_be_visible()

    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Wrong. There is no lamp")).to_be_visible()


def test_the_example_of_the_start_begins_anew_whatever_was_done_to_the_scene(visit: Visit) -> None:
    page = visit(edits="-car", ask="is there a fork")
    expect(page.get_by_role("heading", name="Right. There is an orange fork")).to_be_visible()
    page.get_by_text("Overview", exact=True).first.click()
    page.get_by_text("Start", exact=True).first.click()
    page.get_by_role("button", name="Open Ask").click()
    expect(page.get_by_role("heading", name="Wrong. There is no lamp")).to_be_visible()
    expect(page.get_by_role("checkbox", name="blue car")).to_be_checked()


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


def test_an_unknown_word_is_named_and_the_earlier_answer_stays(visit: Visit) -> None:
    page = visit()
    question = page.get_by_role("textbox", name="Your question")
    question.fill("is there a dragon")
    question.press("Enter")
    expect(page.get_by_text("The model does not know “dragon”")).to_be_visible()
    expect(page.get_by_role("heading", name="Wrong. There is no lamp")).to_be_visible()


def test_the_image_is_taken_away_in_one_click(visit: Visit) -> None:
    page = visit()
    page.get_by_role("button", name="Take the image away").click()
    expect(
        page.get_by_text(re.compile(r"“yes” survives in \d of 4 that show nothing"))
    ).to_be_visible()
    expect(page.get_by_role("img", name="a blank picture, it says")).to_be_visible()
