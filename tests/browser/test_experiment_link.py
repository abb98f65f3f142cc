"""The way from Protect data to its experiment: it opens what is named each time it is pressed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from engine.unlearning import ProtectedShare, ProtectImage, ProtectionVictims, RandomNoiseOnImage
from engine.unlearning.experiments.cuda import CudaExperiment
from tests.browser.expecting import expect
from tests.browser.server import settle

pytestmark = pytest.mark.timeout(900)
LONG = 240  # seconds: torch is loaded, and others share the machine


def onward(page: Page, title: str) -> None:
    """Press it and see the experiment that it names."""
    page.get_by_role("link", name=re.compile("^Does it work")).click()
    settle(page, LONG)
    expect(page.get_by_role("radio", name=title)).to_be_checked()


def protect_by(page: Page, method: str) -> None:
    """To Protect data by the menu, and choose a method there."""
    page.locator("[data-testid=stTopNavSection]", has_text="Unlearning").click()
    page.get_by_role("menuitem", name="Protect data").click()
    settle(page, LONG)
    page.get_by_role("radio", name=method, exact=True).click()
    settle(page, LONG)


def back(page: Page) -> None:
    """To Protect data, as the browser's button goes: over what was chosen in between."""
    for _ in range(5):
        page.go_back()
        settle(page, LONG)
        if "/protect-data" in page.url:
            return
    raise AssertionError(page.url)


def test_does_it_work_opens_the_experiment_that_it_names_each_time(
    app_url: str, page: Page
) -> None:
    page.goto(f"{app_url}/protect-data")
    settle(page, LONG)
    onward(page, CudaExperiment.title)
    protect_by(page, RandomNoiseOnImage.short)
    onward(page, ProtectionVictims.title)  # beside a page that was drawn only once
    protect_by(page, ProtectImage.short)
    onward(page, CudaExperiment.title)  # the one that the page begins with
    page.locator("[data-testid=stSidebar]").get_by_text(ProtectedShare.title).click()
    settle(page, LONG)
    expect(page.get_by_role("radio", name=ProtectedShare.title)).to_be_checked()
    back(page)
    onward(page, CudaExperiment.title)
