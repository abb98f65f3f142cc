"""Protect data as a visitor goes through it: strength, an upload, the zip, and what is in it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from engine.unlearning import ProtectedShare, ProtectionVictims
from engine.unlearning.experiments.cuda import CudaExperiment
from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.lists import choose
from tests.browser.server import settle

pytestmark = pytest.mark.timeout(900)
LONG = 240  # seconds: torch is loaded, and others share the machine
OTHER = ProtectedShare.title


def to_protect_data(page: Page) -> None:
    """By the menu."""
    page.locator("[data-testid=stTopNavSection]", has_text="Unlearning").click()
    page.get_by_role("menuitem", name="Protect data").click()
    settle(page, LONG)


def onward(page: Page, title: str) -> None:
    """From Protect data to the experiment that it links to."""
    page.get_by_role("link", name=re.compile("^Does it work")).click()
    settle(page, LONG)
    expect(page.get_by_role("radio", name=title)).to_be_checked()


@pytest.mark.slow
def test_a_victim_is_trained_in_the_experiment_that_the_page_links_to(
    app_url: str, open_page: OpenPage
) -> None:
    page = open_page()
    page.goto(f"{app_url}/unlearning-experiments")
    settle(page, LONG)
    page.locator("[data-testid=stSidebar]").get_by_text(OTHER).click()
    settle(page, LONG)
    to_protect_data(page)
    onward(page, CudaExperiment.title)  # the first of the list, though another one was kept
    to_protect_data(page)
    page.get_by_role("radio", name="Random noise", exact=True).click()
    settle(page, LONG)
    onward(page, ProtectionVictims.title)
    page.get_by_text("Settings", exact=True).click()
    choose(page, "^Network", "MLP", LONG)
    for name in ("Seeds", "Epochs", "Rounds"):
        settle(page, LONG)
        page.get_by_role("slider", name=re.compile(f"^{name}")).press("Home")
    settle(page, LONG)
    page.get_by_role("button", name="Run the experiment").click()
    expect(page.get_by_text(re.compile(r"claims? hold"))).to_be_visible(timeout=1000 * LONG)
    settle(page, LONG)
    expect(page.get_by_text("Victims do learn the protected images")).to_be_visible()
