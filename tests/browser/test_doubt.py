"""A digit on its way to another digit and to noise, in a real browser."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from playwright.sync_api import Page

from tests.browser.expecting import expect
from tests.browser.server import settle

LINK = {"image": "From a data set", "data": "Digits, 8 × 8", "model": "Digits CNN"}


def test_a_digit_is_moved_toward_another_digit_and_toward_noise(app_url: str, page: Page) -> None:
    link = LINK | {"doubt.toward": "9"}
    page.goto(f"{app_url}/confusion-or-ignorance?{urlencode(link)}")
    settle(page)
    expect(page.get_by_role("heading", name=re.compile("^The model "))).to_be_visible()
    heading = page.get_by_role("heading", name=re.compile("^Toward 9, .*in noise alone, "))
    expect(heading).to_be_visible()
    step = page.get_by_role("slider", name="Step")
    step.focus()
    page.keyboard.press("Home")
    expect(page.get_by_text(re.compile("^0 % toward 9: “.” 9[0-9] %"))).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_text(re.compile("^100 % toward 9: “.” 0 %"))).to_be_visible()
    expect(page.get_by_text(re.compile("^100 % toward noise: “.” 0 %"))).to_be_visible()
    expect(page).to_have_url(re.compile("doubt.step=100"))
    page.reload()
    settle(page)
    expect(page.get_by_text(re.compile("^100 % toward 9: “.” 0 %"))).to_be_visible()
    triangle = page.get_by_text("Mass of doubt").first
    triangle.scroll_into_view_if_needed()
    expect(triangle).to_be_visible()


def masses(page: Page, way: str) -> dict[str, int]:
    """The percentages below the picture of one way, at the present step."""
    said = page.get_by_text(re.compile(rf"^\d+ % toward {way}: ")).first.inner_text()
    return {name: int(value) for name, value in re.findall(r"(confusion|ignorance) (\d+) %", said)}


def test_a_morph_of_the_opening_example_raises_confusion_and_noise_raises_ignorance(
    app_url: str, page: Page
) -> None:
    page.goto(f"{app_url}/confusion-or-ignorance")
    settle(page, 120)
    expect(page.get_by_text(re.compile("^50 % toward 8: "))).to_be_visible()
    half = masses(page, "8"), masses(page, "noise")
    page.get_by_role("slider", name="Step").focus()
    page.keyboard.press("Home")
    expect(page.get_by_text(re.compile("^0 % toward 8: "))).to_be_visible()
    before = masses(page, "8"), masses(page, "noise")
    assert before[0] == before[1]
    assert half[0]["confusion"] > before[0]["confusion"] + 10
    assert half[1]["ignorance"] > before[1]["ignorance"] + 10
    assert half[0]["confusion"] > half[0]["ignorance"]
    assert half[1]["ignorance"] > half[1]["confusion"]
