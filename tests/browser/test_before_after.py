"""Before and after: ask, let the thing fade, open another pair, count by a threshold."""

from __future__ import annotations

import re

from playwright.sync_api import Page

from tests.browser.expecting import expect
from tests.browser.server import settle

FEW = "before-and-after?beaf.count=4&beaf.BEAF.absent=1"


def test_a_thing_fades_another_pair_is_opened_and_a_threshold_counts_again(
    app_url: str, page: Page
) -> None:
    page.goto(f"{app_url}/{FEW}")
    settle(page, 240)
    page.get_by_role("button", name=re.compile("^Ask before and after")).click()
    first = page.get_by_role("heading", name=re.compile("follows the image in"))
    expect(first).to_be_visible(timeout=120_000)
    settle(page, 120)
    said = page.get_by_test_id("stImageCaption")
    expect(said.nth(0)).to_contain_text("Before")
    expect(said.nth(1)).to_contain_text("After")

    page.get_by_role("slider", name=re.compile("^Opacity of the")).press("End")
    expect(said.nth(1)).to_contain_text("at 100 %")
    expect(page).to_have_url(re.compile(r"beaf\.fade=100"))

    chosen = page.get_by_role("combobox", name=re.compile("Pair of answers"))
    before = chosen.input_value()
    page.locator(".st-key-beaf-worst").get_by_role("button").nth(2).click()
    expect(chosen).not_to_have_value(before)
    expect(page).to_have_url(re.compile(r"beaf\.pair=scene"))

    page.get_by_role("slider", name=re.compile("^Counts as yes")).press("End")
    expect(page).to_have_url(re.compile(r"beaf\.threshold=p"))
    expect(first).to_be_visible()
