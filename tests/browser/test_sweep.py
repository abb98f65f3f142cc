"""Sweep in a browser: its errors in the view, and its sheet, leafed through without a server."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page

from engine.sweep.rows import SweepRow
from engine.sweep.sheet import PAGE, sheet
from tests.browser.conftest import Visit
from tests.browser.expecting import LONG, expect
from tests.browser.server import settle


@pytest.mark.slow
def test_the_errors_of_a_sweep_are_shown_opened_and_taken_along(
    visit: Visit, tmp_path: Path
) -> None:
    page = visit("sweep")
    cells = page.locator(".thumb")
    expect(cells).to_have_count(32, timeout=LONG)
    wrong = page.locator(".thumb.marked").count()
    page.get_by_text("the errors", exact=True).click()
    expect(cells).to_have_count(wrong)
    settle(page)
    first = cells.first
    assert first.locator(".note").first.inner_text().startswith("✗ ")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV").click()
    waiting.value.save_as(file := tmp_path / "answers.csv")
    rows = list(csv.DictReader(file.read_text("utf-8").splitlines()))
    assert len(rows) == 32
    assert sum(row["correct"] == "false" for row in rows) == wrong > 0
    with page.expect_popup() as opened:
        first.click()
    view = opened.value
    settle(view)
    number = first.locator(".label").inner_text()
    expect(view.get_by_text(f"id {number}, class")).to_be_visible(timeout=LONG)


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


def test_pages_are_turned_a_cell_leads_to_its_view_and_errors_are_sorted_as_asked(
    page: Page, tmp_path: Path
) -> None:
    file = tmp_path / "sheet.html"
    file.write_text(sheet([row(at) for at in range(2 * PAGE + 6)], "http://127.0.0.1:9"), "utf-8")
    page.goto(file.as_uri())
    status, names = page.locator("#said"), page.locator("#cells .name")
    place = page.locator("#place")
    expect(place).to_have_text("Page 1 of 3")
    expect(page.get_by_role("button", name="Previous")).to_be_disabled()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Next").click()
    expect(place).to_have_text("Page 3 of 3")
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    expect(page.locator("#cells li")).to_have_count(6)
    link = page.locator("#cells a").first
    expect(link).to_have_attribute("href", f"http://127.0.0.1:9/heatmaps?item={2 * PAGE}")
    page.get_by_label("correct answers").check()
    expect(place).to_have_text("Page 1 of 2")

    page.goto(file.as_uri())
    expect(status).to_have_text(f"All {2 * PAGE + 6} cells.")
    expect(names).to_have_count(PAGE)
    page.get_by_label("the errors").check()
    expect(status).to_have_text(f"{(2 * PAGE + 6) // 3} of {2 * PAGE + 6} cells.")
    expect(names.first).to_have_text("0.png")
    expect(page.locator("#cells .wrong").first).to_have_text("✗ dog, 0 %, not cat")
    page.locator("#label").select_option("dog")
    expect(names.first).to_have_text("3.png")
    page.get_by_label("Sort by").select_option("map.high")
    last = max(at for at in range(2 * PAGE + 6) if at % 3 == 0 and at % 2)
    expect(names.first).to_have_text(f"{last}.png")
    page.get_by_label("highest first").check()
    expect(names.first).to_have_text("3.png")
