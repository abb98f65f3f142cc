"""Forget as a clinician takes it: three ways, the scoreboard, the steps, and on to Heatmaps."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.server import settle

WAYS = ("Gradient ascent", "SalUn", "Selective synaptic dampening")
LONG = 240  # seconds: the model is loaded and asked for the first time


def part(page: Page, name: str) -> None:
    """Look closer at one part."""
    page.get_by_role("radio", name=name, exact=True).click()
    settle(page, LONG)


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
    expect(page.get_by_text(re.compile("Asking forgot class 3 · SalUn"))).to_be_visible(
        timeout=1000 * LONG
    )
    expect(page.locator(".bs-stage canvas").first).to_be_visible(timeout=1000 * LONG)
