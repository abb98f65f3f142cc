"""The hardest images are forgotten by three ways, and one image is looked at in every model.

The model is one that learns in two epochs, so that KLoM's networks do.
"""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Locator, Page

from engine.unlearning.diagnostics.klom import nats
from tests.browser.expecting import expect
from tests.browser.lists import choose
from tests.browser.server import settle

WAYS = ("Gradient ascent", "SalUn", "Selective synaptic dampening")
LONG = 240  # seconds, where others compute, too: eighty networks learn, for two epochs each
pytestmark = pytest.mark.timeout(900)
IMAGE = re.compile(r"^Image \d+, labeled \d$")
BRIEF = {
    "lab.part": "Train",
    "lab.recipe.architecture": "mlp",
    "lab.recipe.epochs": "2",
    "lab.seed": "24",
}
FORGET_LINK = {
    "forget.what": "hardest images",
    "forget.ways": WAYS,
    "forget.way": WAYS[0],
    "forget.GA.epochs": "1",
    "forget.KLoM.images": "10",
}


def press(page: Page, name: str) -> None:
    """A button whose answer takes a while."""
    page.get_by_role("button", name=re.compile(f"^{name}")).last.click()
    settle(page, LONG)


def press_highest(page: Page, chart: Locator, curve: int) -> float:
    """The mark at the right end of a curve, counted as they are drawn; gives its value."""
    mark = chart.locator(".scatterlayer .trace.scatter").nth(curve).locator(".points path").last
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    value: float = chart.evaluate("(it, curve) => it.calcdata[curve].at(-1).y", curve)
    return value


@pytest.mark.slow
def test_hard_images_are_forgotten_by_three_ways_and_one_s_margins_are_seen(
    app_url: str, page: Page
) -> None:
    page.goto(f"{app_url}/data-and-models?{urlencode(BRIEF)}")
    settle(page, LONG)
    press(page, "Train")
    expect(page.get_by_text("Kept as a model: Digits, 8 × 8 · MLP")).to_be_visible()
    page.goto(f"{app_url}/forget?{urlencode(FORGET_LINK, doseq=True)}")
    settle(page, LONG)
    choose(page, "Model", re.compile("^Digits, 8 × 8 · MLP"), LONG)
    settle(page, LONG)
    press(page, "Find the hardest images")
    press(page, "Forget")
    board = page.get_by_role("region", name="Scoreboard")
    expect(board.get_by_role("row")).to_have_count(6, timeout=1000 * LONG)
    for way in WAYS:
        expect(board).to_contain_text(way)

    page.get_by_role("radio", name="KLoM", exact=True).click()
    settle(page, LONG)
    press(page, "Train models and compare")
    image, finding = page.get_by_text(IMAGE).last, page.get_by_text(re.compile("^Mean margin"))
    expect(image).to_be_visible(timeout=1000 * LONG)
    settle(page, LONG)
    charts = page.locator(".js-plotly-plot")
    margins = charts.filter(has_text="margin of its label")
    stays = charts.filter(has_text="images, by their KLoM").nth(1)
    for curve, words in ((2, "noise {}."), (0, "before {}, noise")):
        was = image.inner_text()
        value = press_highest(page, stays, curve)
        expect(finding).to_contain_text(words.format(nats(value)), timeout=1000 * LONG)
        settle(page, LONG)
        expect(image).not_to_have_text(was)
        expect(margins.locator(".barlayer .trace.bars")).to_have_count(3)
        expect(margins.locator("g.legend text.legendtext")).to_have_text(
            ["before", "after", "never saw it"]
        )
