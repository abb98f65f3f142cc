"""Choosing from a list as a person does, who opens it again where it has closed."""

from __future__ import annotations

import re

from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as NotClicked

from tests.browser.server import settle

PATIENCE = (5_000, 5_000, 90_000)  # ms


def choose(
    page: Page, name: str, option: str | re.Pattern[str], seconds: float, typed: str = ""
) -> None:
    """Open the list and take the option; again where the page's next drawing closed the list.

    A long list is searched by what is typed.
    """
    wanted = page.get_by_role("option", name=option, exact=isinstance(option, str))
    for patience in PATIENCE:
        box = page.get_by_role("combobox", name=re.compile(name))
        if typed:
            box.fill(typed)
        else:
            box.click()
        try:
            wanted.click(timeout=patience)
        except NotClicked:
            page.keyboard.press("Escape")
            settle(page, seconds)
        else:
            return
    raise AssertionError(f"the list “{name}” closed {len(PATIENCE)} times")
