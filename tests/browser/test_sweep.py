"""A person looks at the errors of a sweep, opens one, and takes the numbers along."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.expecting import expect
from tests.browser.server import settle


@pytest.mark.slow
def test_the_errors_of_a_sweep_are_shown_opened_and_taken_along(
    app_url: str, page: Page, tmp_path: Path
) -> None:
    page.goto(f"{app_url}/sweep")
    settle(page, 240)
    cells = page.locator(".thumb")
    expect(cells).to_have_count(32, timeout=60_000)
    wrong = page.locator(".thumb.marked").count()
    page.get_by_text("the errors", exact=True).click()
    expect(cells).to_have_count(wrong)
    settle(page)
    first = cells.first
    note = first.locator(".note").first.inner_text()
    assert note.startswith("✗ ")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV").click()
    waiting.value.save_as(file := tmp_path / "answers.csv")
    rows = list(csv.DictReader(file.read_text("utf-8").splitlines()))
    assert len(rows) == 32
    assert sum(row["correct"] == "false" for row in rows) == wrong > 0
    with page.expect_popup() as opened:
        first.click()
    view = opened.value
    settle(view, 240)
    number = first.locator(".label").inner_text()
    expect(view.get_by_text(f"id {number}, class")).to_be_visible(timeout=60_000)
