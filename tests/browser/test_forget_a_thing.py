"""A thing fades, a model forgets it, POPE is asked before and after, and own captions are read."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from tests.browser.expecting import expect
from tests.browser.server import settle
from tests.browser.test_benchmarks import read_captions

FEW = "before-and-after?beaf.count=5&beaf.BEAF.absent=1"  # no other journey has asked this
LONG = 240  # seconds: torch is loaded


@pytest.mark.slow
def test_a_thing_fades_the_model_forgets_it_and_pope_and_chair_are_read(
    app_url: str, page: Page
) -> None:
    page.goto(f"{app_url}/{FEW}")
    settle(page, LONG)
    page.get_by_role("button", name=re.compile("^Ask before and after")).click()
    expect(page.get_by_role("heading", name=re.compile("follows the image in"))).to_be_visible(
        timeout=120_000
    )
    settle(page, LONG)
    page.get_by_role("slider", name=re.compile("^Opacity of the")).press("End")
    expect(page.get_by_test_id("stImageCaption").nth(1)).to_contain_text("at 100 %")
    page.locator(".st-key-beaf-worst").get_by_role("button").first.click()  # the worst pair
    settle(page, LONG)

    onward = page.get_by_role("link", name=re.compile("^Make the model forget the"))
    concept = re.search(r"forget the (\w+)", onward.inner_text())[1]
    onward.click()
    expect(page).to_have_url(re.compile(rf"/concepts\?.*concepts\.SAUCE\.concept={concept}"))
    forget = page.get_by_role("combobox", name=re.compile("^Thing to forget"))
    expect(forget).to_have_value(concept)
    heading = page.get_by_role(
        "heading", name=re.compile(rf"^The {concept} is (no longer|not) seen")
    )
    expect(heading).to_be_visible(timeout=LONG * 1000)

    page.get_by_role("button", name=re.compile("^Ask POPE before and after")).click()
    polled = page.get_by_role("heading", name=re.compile(rf"^Yes to the {concept} goes from"))
    expect(polled).to_be_visible(timeout=LONG * 1000)
    expect(page.get_by_text(re.compile("random / popular / adversarial"))).to_be_visible()
    before, after = map(int, re.findall(r"from (\d+) to (\d+) %", polled.inner_text())[0])
    assert after < before

    expect(read_captions(app_url, page)).to_be_visible()
