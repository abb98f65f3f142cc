"""Every view as axe reads it, in both themes: contrast, names, roles, the order of headings.

Its first screen is looked at on the same page: see test_first_screens.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from components.views import VIEWS
from tests.browser.conftest import OpenPage
from tests.browser.server import eventually, settle
from tests.browser.test_first_screens import FIRST, opened

STREAMLIT = {
    "empty-table-header": "the corner of st.table has no name",
    "presentation-role-conflict": "the drop zone of st.file_uploader has a role and a tab stop",
}
"""What Streamlit itself causes, by axe's name."""


COLORS = {"runOnly": ["color-contrast", "link-in-text-block"]}  # all that a theme decides


def faults(page: Page, rules: Mapping[str, Any] | None = None) -> list[str]:
    """What axe finds that is ours, each with where it is; by all its rules unless told."""
    options = {"resultTypes": ["violations"], **(rules or {})}
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{one['id']}: {node['target']} {node['html'][:120]}"
        for one in found
        if one["id"] not in STREAMLIT
        for node in one["nodes"]
    ]


def is_light(page: Page) -> bool:
    """Whether the color behind everything is a bright one."""
    color: str = page.get_by_test_id("stApp").evaluate("at => getComputedStyle(at).backgroundColor")
    return sum(int(part) for part in re.findall(r"\d+", color)[:3]) > 3 * 128


@pytest.mark.parametrize("path", [view.address for view in VIEWS])
def test_axe_finds_nothing_in_either_theme_and_the_answer_comes_first(
    app_url: str, open_page: OpenPage, path: str
) -> None:
    page = opened(open_page, f"{app_url}/{path}")
    assert is_light(page)
    assert not faults(page)
    page.emulate_media(color_scheme="dark")
    eventually(lambda: is_light(page), lambda light: not light)
    settle(page)
    assert not faults(page, COLORS)
    if check := FIRST.get(path):  # dark as it is: colors move nothing, and each theme costs a draw
        check(page)


def test_faint_text_a_nameless_button_and_a_skipped_heading_are_found(page: Page) -> None:
    page.set_content(
        "<html lang=en><title>t</title><body style='background:#fff'><main><h1>One</h1><h3>Three"
        "</h3><p style='color:#777;opacity:.8'>faint</p><button></button></main></body></html>"
    )
    names = {line.split(":")[0] for line in faults(page)}
    assert {"color-contrast", "button-name", "heading-order"} <= names
