"""Familiar? as a radiologist takes it: a rare lesion, a worse image, a cat; and the line."""

import re

import pytest
from playwright.sync_api import Page

from engine.vision.data.phantoms import Phantoms
from tests.browser.conftest import Visit
from tests.browser.expecting import LONG, expect
from tests.browser.phantom_files import give, slices
from tests.browser.server import choose, eventually, settle
from tests.browser.test_first_screens import check_verdict

DIGITS = {"image": "From a data set", "data": "Digits, 8 × 8", "model": "Digits MLP"}
SMALLEST = 11  # px of a letter
LETTERS = """nodes => nodes.map(node =>
  node.getScreenCTM()?.a * parseFloat(getComputedStyle(node).fontSize))"""


def are_readable(sizes: list[float]) -> bool:
    return bool(sizes) and all(SMALLEST <= size < 2 * SMALLEST for size in sizes)


def answered(page: Page) -> None:
    sentence = page.get_by_role("heading", name=re.compile("^(More unusual|Nothing unusual)"))
    expect(sentence).to_be_visible(timeout=LONG)
    settle(page)


@pytest.mark.slow
def test_a_rare_lesion_is_read_made_worse_and_a_cat_is_flagged(visit: Visit) -> None:
    page = visit("familiar", {"model": "Phantom CNN", "familiar.closer": "Made worse"})
    rare, _, name = slices(Phantoms(size=1.6, contrast=1.5, seed=9))  # than any that it learned
    give(page, "file", name, rare)
    answered(page)
    expect(page.get_by_text(re.compile(r"p-value among all normal images: 0\.\d+"))).to_be_visible()
    expect(page.get_by_text("p-value counted by patient")).to_be_visible()
    expect(page.get_by_text("A normal image stays calm")).to_be_visible()

    step = page.get_by_text(re.compile("At this step the image scores"))
    expect(step).to_be_visible(timeout=LONG)
    before = step.inner_text()
    page.get_by_role("slider", name="Severity").focus()
    page.keyboard.press("End")
    settle(page)
    expect(step).not_to_have_text(before)

    choose(page, "Sample or yours", "A cat (Chelsea)")
    settle(page)
    answered(page)
    expect(page.get_by_text("This image lies above the line.")).to_be_visible()
    expect(page.get_by_role("heading", name="More unusual than every one of")).to_be_visible()


def test_the_line_is_dragged_and_moved_by_keys_and_its_chart_is_readable_on_a_telephone(
    visit: Visit,
) -> None:
    page = visit("familiar", DIGITS)
    answered(page)
    check_verdict(page)
    line = page.get_by_role("slider", name="Line between usual and unusual")
    counts = page.locator(".bs-counts")
    first = counts.inner_text()
    promise = page.get_by_text(re.compile("The line promises at most"))
    sentence = promise.inner_text()

    box = line.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 - 150, box["y"] + 30, steps=4)
    expect(counts).not_to_have_text(first)  # while it moves
    moved = counts.inner_text()
    page.mouse.up()
    settle(page)
    expect(promise).not_to_have_text(sentence)
    expect(counts).to_have_text(moved)

    line.focus()
    page.keyboard.press("ArrowRight")
    expect(counts).not_to_have_text(moved)
    settle(page)
    expect(page.get_by_text(re.compile(r"anomaly\.ViM r\d+ · among digits"))).to_be_visible()

    letters = page.locator(".bs-histogram svg text")
    for width in (390, 1280):  # it is drawn anew for another window
        page.set_viewport_size({"width": width, "height": 844})
        settle(page)
        expect(letters.filter(has_text="this image")).to_be_visible()
        eventually(lambda: letters.evaluate_all(LETTERS), are_readable)
        if width == 390:  # no row of words is scrolled sideways
            rows = page.locator("[data-testid=stMain] [data-testid=stButtonGroup] > div")
            assert rows.count()
            assert rows.evaluate_all("all => all.every(at => at.scrollWidth <= at.clientWidth)")
