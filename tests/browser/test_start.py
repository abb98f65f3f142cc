"""From the start into a view and back: the image that a person chose or opened goes along."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.expecting import expect
from tests.browser.server import settle
from tests.components.sidebar.test_subject import jpeg

LONG = 240  # seconds


def test_a_thumbnail_s_image_goes_along_to_a_view_and_back(app_url: str, page: Page) -> None:
    page.goto(f"{app_url}/?image=A+dahlia")
    settle(page, LONG)
    expect(page.get_by_text("It says daisy")).to_be_visible()
    page.get_by_role("button", name="A cup of coffee").click()
    expect(page.get_by_text("It says espresso")).to_be_visible()
    expect(page).to_have_url(re.compile("image=A(%20|\\+)cup"))
    page.get_by_role("button", name="Open Heatmaps").click()
    expect(page.get_by_role("heading", name="Heatmaps")).to_be_visible()
    settle(page, LONG)
    expect(page.get_by_text("speak for “espresso”")).to_be_visible()
    page.get_by_text("Overview", exact=True).first.click()
    page.get_by_text("Start", exact=True).first.click()
    expect(page.get_by_text("It says espresso")).to_be_visible()


def test_an_upload_is_asked_about_and_stays(app_url: str, page: Page) -> None:
    page.goto(f"{app_url}/?model=Digits+MLP")
    settle(page, LONG)
    file = {"name": "cup.jpg", "mimeType": "image/jpeg", "buffer": jpeg()}
    page.locator("input[type=file]").first.set_input_files(file)
    chosen = page.get_by_role("button", name="Your image")
    expect(chosen).to_have_attribute("aria-pressed", "true")
    settle(page, LONG)  # a click while cards are drawn anew may be lost
    page.get_by_role("button", name="Open Ask").click()
    expect(page.get_by_role("heading", name="Wrong. There is no lamp")).to_be_visible()
    page.get_by_text("Overview", exact=True).first.click()
    page.get_by_text("Start", exact=True).first.click()
    expect(chosen).to_have_attribute("aria-pressed", "true")


def by_button(page: Page) -> None:
    page.get_by_role("button", name="Open Heatmaps").click()


def by_menu(page: Page) -> None:
    page.get_by_text("Attribution", exact=True).first.click()
    page.get_by_text("Heatmaps", exact=True).first.click()


@pytest.mark.parametrize("opened", [by_button, pytest.param(by_menu, marks=pytest.mark.slow)])
def test_an_image_of_a_data_set_goes_along_into_the_link_of_its_view(
    app_url: str, page: Page, opened: Callable[[Page], None]
) -> None:
    page.goto(f"{app_url}/?image=From+a+data+set&item=4&model=Digits+MLP")
    settle(page, LONG)
    page.reload()  # now all answers are kept, and the page is run only once
    settle(page, LONG)
    known = page.get_by_text(re.compile(r"^id \d+, class \d$"))
    said = known.inner_text()
    opened(page)
    expect(page.get_by_role("heading", name="Heatmaps")).to_be_visible()
    settle(page, LONG)
    for part in ("image=From", "item=4", "model=Digits"):
        expect(page).to_have_url(re.compile(f"heatmaps.*{part}"))
    expect(known).to_have_text(said)
    page.reload()
    settle(page, LONG)
    expect(known).to_have_text(said)


@pytest.mark.slow
def test_a_scene_is_chosen_like_a_photograph_and_is_in_the_link(app_url: str, page: Page) -> None:
    page.goto(f"{app_url}/?model=Digits+MLP")
    settle(page, LONG)
    page.get_by_role("button", name="A scene").click()
    known = page.get_by_text("id 18, class table")
    expect(known).to_be_visible()
    settle(page, LONG)
    expect(page).to_have_url(re.compile("data=scenes.*item=3"))
    page.reload()
    expect(known).to_be_visible()
    page.get_by_role("button", name="A dahlia").click()
    expect(known).to_have_count(0)
