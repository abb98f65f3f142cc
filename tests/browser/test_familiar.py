"""Familiar? as a radiologist takes it: a rare lesion, a worse image, a cat; and the line."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlencode

import numpy as np
import pytest
from playwright.sync_api import Page

from engine.data.phantoms import Phantoms
from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.server import settle
from tests.browser.test_first_screens import check_verdict
from tests.browser.test_journeys import choose
from tests.scans import dicom

LONG = 240  # seconds: phantoms are drawn, and features made, for the first time
RING = 2
DIGITS = {"image": "From a data set", "data": "Digits, 8 × 8", "model": "Digits MLP"}
WORD = 48  # px that the button's word takes with the room around it
LINES = """nodes => nodes.map(node => {
  const range = document.createRange();
  range.selectNodeContents(node);
  return range.getClientRects().length;
})"""

Visit = Callable[[dict[str, str]], Page]


@pytest.fixture
def visit(app_url: str, open_page: OpenPage) -> Visit:
    def opened(link: dict[str, str]) -> Page:
        page = open_page()
        page.goto(f"{app_url}/familiar?{urlencode(link)}")
        settle(page, LONG)
        return page

    return opened


def rare() -> bytes:
    """A ring larger and brighter than any that the model learned from, as DICOM of 12 bits."""
    phantoms = Phantoms(size=1.6, contrast=1.5, seed=9)
    found = next(one for one in map(phantoms.slice, range(40)) if one.kind == RING)
    values = np.asarray(found.image, np.float32)
    return dicom(np.rint(values / values.max() * 3000).astype(np.uint16))


def answered(page: Page) -> None:
    """The sentence is there."""
    sentence = page.get_by_role("heading", name=re.compile("^(More unusual|Nothing unusual)"))
    expect(sentence).to_be_visible(timeout=1000 * LONG)
    settle(page, LONG)


@pytest.mark.slow
def test_a_rare_lesion_is_read_made_worse_and_a_cat_is_flagged(visit: Visit) -> None:
    page = visit({"model": "Phantom CNN", "familiar.closer": "Made worse"})
    sidebar = page.get_by_test_id("stSidebar")
    file = {"name": "rare.dcm", "mimeType": "", "buffer": rare()}
    sidebar.locator("input[type=file]").first.set_input_files(file)
    settle(page, LONG)
    answered(page)
    expect(page.get_by_text(re.compile(r"p-value among all normal images: 0\.\d+"))).to_be_visible()
    expect(page.get_by_text("p-value counted by patient")).to_be_visible()
    expect(page.get_by_text("A normal image stays calm")).to_be_visible()

    step = page.get_by_text(re.compile("At this step the image scores"))
    expect(step).to_be_visible(timeout=1000 * LONG)
    before = step.inner_text()
    page.get_by_role("slider", name="Severity").focus()
    page.keyboard.press("End")
    settle(page, LONG)
    expect(step).not_to_have_text(before)

    choose(page, "Sample or yours", "A cat (Chelsea)")
    settle(page, LONG)
    answered(page)
    expect(page.get_by_text("This image lies above the line.")).to_be_visible()
    expect(page.get_by_role("heading", name="More unusual than every one of")).to_be_visible()


def test_the_line_is_dragged_and_moved_by_keys_and_everything_else_stays(visit: Visit) -> None:
    page = visit(DIGITS)
    answered(page)
    check_verdict(page)
    line = page.get_by_role("slider", name="Line between usual and unusual")
    counts = page.locator(".bs-counts")
    first = counts.inner_text()
    promise = page.get_by_text(re.compile("The line promises at most"))
    said = promise.inner_text()

    box = line.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 - 150, box["y"] + 30, steps=4)
    expect(counts).not_to_have_text(first)  # while it moves
    moved = counts.inner_text()
    page.mouse.up()
    settle(page)
    expect(promise).not_to_have_text(said)
    expect(counts).to_have_text(moved)

    line.focus()
    page.keyboard.press("ArrowRight")
    expect(counts).not_to_have_text(moved)
    settle(page)
    expect(page.get_by_text(re.compile("anomaly.ViM r2 · among digits"))).to_be_visible()


def test_the_first_sample_is_answered_at_once_and_a_link_opens_what_was_seen(visit: Visit) -> None:
    page = visit({})
    expect(page.get_by_role("heading", name=re.compile("^Too few normal images"))).to_be_visible()
    expect(page.get_by_text(re.compile("anomaly.ViM .* kept from before"))).to_be_visible()

    page = visit(DIGITS)
    answered(page)
    page.get_by_role("radio", name="COSTARR").click()
    settle(page, LONG)
    expect(page.get_by_text("the logit decides alone").first).to_be_visible(timeout=1000 * LONG)
    again = visit({})
    again.goto(page.url)
    settle(again, LONG)
    expect(again.get_by_text(re.compile("anomaly.COSTARR r3 · among digits"))).to_be_visible()


def test_names_of_pictures_stay_whole_and_so_does_the_button_below_them(
    app_url: str, open_page: OpenPage
) -> None:
    page = open_page(viewport={"width": 800, "height": 844})
    page.goto(f"{app_url}/familiar")
    settle(page, 240)
    for width in (800, 390):  # half a screen beside the sidebar, and a telephone
        page.set_viewport_size({"width": width, "height": 844})
        settle(page)
        names = page.locator(".bs-pictures thead th").filter(has_text="photograph")
        lines = names.evaluate_all(LINES)
        assert lines
        assert set(lines) == {1}
        box = page.get_by_role("button", name="PNG", exact=True).bounding_box()
        assert box is not None
        assert box["width"] >= WORD
