"""Generator as a visitor goes through it: forget the 3, and read the sheet."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.server import settle

KEY = "generator.GeneratorSalUn"
FEW = {"steps": 60, "each": 6, "passes": 10}  # so that it takes seconds
LONG = 240  # seconds: torch is loaded, and others share the machine
pytestmark = pytest.mark.timeout(900)


@pytest.mark.slow
def test_the_three_is_forgotten_and_the_sheet_says_so(app_url: str, open_page: OpenPage) -> None:
    page = open_page()
    page.goto(f"{app_url}/generator?{urlencode({f'{KEY}.{k}': v for k, v in FEW.items()})}")
    settle(page, LONG)
    page.get_by_role("button", name="Forget the 3").click()
    heading = page.get_by_role("heading", name=re.compile(r"^Asked for 3, \d+ % are read as 3"))
    expect(heading).to_be_visible(timeout=1000 * LONG)
    settle(page, LONG)
    sheet = page.get_by_role("figure", name=re.compile("^Of 6 asked for as 3, read as 3: "))
    heads = sheet.get_by_role("columnheader")
    expect(heads).to_have_text(["before", "after SalUn", "chance mask"])
    rows = sheet.get_by_role("rowheader")
    expect(rows).to_have_count(10)
    expect(rows.first).to_have_text("asked for 3")
    first = sheet.get_by_role("row").nth(1).locator("small")
    expect(first.nth(0)).to_have_text(re.compile(r"^[56] of 6 read as 3"))
    expect(first.nth(1)).to_have_text(re.compile(r"^[01] of 6 read as 3"))
    sentence = heading.inner_text()
    right = int(re.match(r"Asked for 3, (\d+) %", sentence).group(1))  # type: ignore[union-attr]
    assert first.nth(1).inner_text().startswith(f"{round(6 * right / 100)} of 6")
