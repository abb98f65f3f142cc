"""Forget as a clinician takes it: three ways, the scoreboard, the steps, and on to Heatmaps."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.server import settle

WAYS = ("Gradient ascent", "SalUn", "Selective synaptic dampening")
pytestmark = pytest.mark.timeout(1800)  # trainings and a browser, on a machine that others share
LONG = 240  # seconds: the model is loaded and asked for the first time


def part(page: Page, name: str) -> None:
    """Look closer at one part."""
    page.get_by_role("radio", name=name, exact=True).click()
    settle(page, LONG)


def test_wrong_labels_are_learnt_and_then_forgotten_without_leaving_the_page(
    app_url: str, open_page: OpenPage
) -> None:
    page = open_page()
    asked = {"forget.what": "wrong labels", "forget.noisy.share": "0.1", "forget.ways": "SalUn"}
    page.goto(f"{app_url}/forget?{urlencode(asked)}")
    settle(page, LONG)
    page.get_by_role("button", name=re.compile("^Train it and choose it")).click()
    expect(page.get_by_text("90 of 898 training images")).to_be_visible(timeout=1000 * LONG)
    settle(page, LONG)
    page.get_by_role("button", name=re.compile("^Forget")).last.click()
    expect(page.get_by_role("heading", name=re.compile("90 wrong labels"))).to_be_visible(
        timeout=1000 * LONG
    )
    board = page.get_by_role("region", name="Scoreboard")
    expect(board.get_by_role("row").nth(1)).to_contain_text("the goal")
    expect(board).to_contain_text("Nothing done")


def test_a_class_is_forgotten_by_three_ways_and_the_model_is_taken_to_heatmaps(
    app_url: str, open_page: OpenPage
) -> None:
    page = open_page()
    link = urlencode({"forget.ways": WAYS}, doseq=True)
    page.goto(f"{app_url}/forget?{link}")
    settle(page, LONG)
    board = page.get_by_role("region", name="Scoreboard")
    page.get_by_role("button", name=re.compile("^Forget")).last.click()
    expect(page.get_by_role("heading", name=re.compile("^SalUn forgot class 3"))).to_be_visible(
        timeout=1000 * LONG
    )
    settle(page, LONG)
    expect(board.get_by_role("row")).to_have_count(6)
    expect(board.get_by_role("row").nth(1)).to_contain_text("the goal")
    expect(board.get_by_role("row").nth(2)).to_contain_text(re.compile(r"SalUn.*points"))
    expect(board).to_contain_text("Gradient ascent")

    part(page, "Each image")
    mark = page.locator(".scatterlayer .trace.scatter .points path").nth(40)
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    assert box is not None
    large = page.get_by_text(re.compile("^Image \\d+, labeled 3$")).last
    first = large.inner_text()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(large).not_to_have_text(first, timeout=1000 * LONG)
    settle(page, LONG)

    part(page, "Steps")
    scrub = page.get_by_role("slider", name="Step")
    expect(scrub).to_be_visible(timeout=1000 * LONG)
    settle(page, LONG)
    expect(page.get_by_text(re.compile("^At step .* of the forgotten images"))).to_be_visible()
    scrub.focus()
    page.keyboard.press("Home")
    expect(page.get_by_text(re.compile("^At step 0 of"))).to_be_visible(timeout=1000 * LONG)
    settle(page, LONG)

    part(page, "Take it along")
    page.get_by_role("button", name="Keep it as a model").click()
    expect(page.get_by_text("Kept as a model: Digits CNN ▸ forgot class 3 · SalUn")).to_be_visible(
        timeout=1000 * LONG
    )
    settle(page, LONG)
    page.get_by_role("button", name="Take it to Heatmaps").click()
    expect(page.get_by_role("heading", name="Heatmaps", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile("speak for .* ▸ forgot class 3 · SalUn"))).to_be_visible(
        timeout=1000 * LONG
    )
    expect(page.locator(".bs-stage canvas").first).to_be_visible(timeout=1000 * LONG)
