"""From the start into a view and back: the image that a person chose or opened goes along."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.expecting import expect
from tests.browser.server import settle

LONG = 240  # seconds


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
    known = page.get_by_text(re.compile(r"^id \d+, class \d$"))
    text = known.inner_text()
    opened(page)
    expect(page.get_by_role("heading", name="Heatmaps")).to_be_visible()
    settle(page, LONG)
    for part in ("image=From", "item=4", "model=Digits"):
        expect(page).to_have_url(re.compile(f"heatmaps.*{part}"))
    expect(known).to_have_text(text)
    page.reload()
    settle(page, LONG)
    expect(known).to_have_text(text)


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
