"""The sheet of a sweep in a browser: filtered, sorted, leafed through, without a server."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.sync_api import Page

from engine.sweep.rows import SweepRow
from engine.sweep.sheet import PAGE, sheet
from tests.browser.expecting import expect

ROW = SweepRow(
    "", "", "lite0", "attribution.Occlusion", "", "", "", 0.0, correct=None, figures={}, digest="",
    seconds=1.0, command="python -m engine run …",
)  # fmt: skip
LABELS = ("cat", "dog")


def row(at: int) -> SweepRow:
    """Every third one is wrong."""
    label = LABELS[at % 2]
    top = LABELS[(at + 1) % 2] if at % 3 == 0 else label
    return replace(
        ROW,
        image=f"{at}.png",
        label=label,
        top_class=top,
        correct=top == label,
        confidence=at / 1000,
        figures={"map.high": float(-at)},
        address=f"heatmaps?item={at}",
    )


@pytest.fixture
def opened(page: Page, tmp_path) -> Page:
    """A sheet of two pages and some cells."""
    file = tmp_path / "sheet.html"
    file.write_text(sheet([row(at) for at in range(2 * PAGE + 6)], "http://127.0.0.1:9"), "utf-8")
    page.goto(file.as_uri())
    return page


def test_the_errors_are_shown_sorted_by_what_is_asked(opened: Page, console_errors) -> None:
    status, names = opened.locator("#said"), opened.locator("#cells .name")
    expect(status).to_have_text(f"All {2 * PAGE + 6} cells.")
    expect(names).to_have_count(PAGE)
    opened.get_by_label("the errors").check()
    expect(status).to_have_text(f"{(2 * PAGE + 6) // 3} of {2 * PAGE + 6} cells.")
    expect(names.first).to_have_text("0.png")
    expect(opened.locator("#cells .wrong").first).to_have_text("✗ dog, 0 %, not cat")
    opened.locator("#label").select_option("dog")
    expect(names.first).to_have_text("3.png")
    opened.get_by_label("Sort by").select_option("map.high")
    last = max(at for at in range(2 * PAGE + 6) if at % 3 == 0 and at % 2)
    expect(names.first).to_have_text(f"{last}.png")
    opened.get_by_label("highest first").check()
    expect(names.first).to_have_text("3.png")
    assert not console_errors


def test_pages_are_turned_and_a_cell_leads_to_its_view(opened: Page) -> None:
    place = opened.locator("#place")
    expect(place).to_have_text("Page 1 of 3")
    expect(opened.get_by_role("button", name="Previous")).to_be_disabled()
    opened.get_by_role("button", name="Next").click()
    opened.get_by_role("button", name="Next").click()
    expect(place).to_have_text("Page 3 of 3")
    expect(opened.get_by_role("button", name="Next")).to_be_disabled()
    expect(opened.locator("#cells li")).to_have_count(6)
    link = opened.locator("#cells a").first
    expect(link).to_have_attribute("href", f"http://127.0.0.1:9/heatmaps?item={2 * PAGE}")
    opened.get_by_label("correct answers").check()
    expect(place).to_have_text("Page 1 of 2")
