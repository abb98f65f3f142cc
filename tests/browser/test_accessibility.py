"""Every view in one window: axe in both themes, its first screen, its menu, what it calls.

One page goes from view to view as the menu does. To load it for each view costs as much as to draw
the view; to change theme and window back, too, so that each second view begins in the dark, and
where the last one ended: on a desk or a projector.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from components.views import VIEWS, AppPage
from tests.browser.conftest import STILL, watch
from tests.browser.expecting import LONG, expect
from tests.browser.server import eventually, settle
from tests.browser.test_first_screens import FIRST, SCREEN

STREAMLIT = {
    "empty-table-header": "the corner of st.table has no name",
    "presentation-role-conflict": "the drop zone of st.file_uploader has a role and a tab stop",
}
"""What Streamlit itself causes, by axe's name."""


COLORS = {"runOnly": ["color-contrast", "link-in-text-block"]}  # all that a theme decides


def faults(page: Page, rules: Mapping[str, Any] | None = None) -> list[str]:
    """What axe finds that is ours, each with where it is; by all its rules unless told."""
    if not page.evaluate("'axe' in window"):  # which stays from view to view
        page.evaluate(Axe().axe_script)
    options = {"reporter": "no-passes", "preload": False, **(rules or {})}
    return [
        f"{violation['id']}: {node['target']} {node['html'][:120]}"
        for violation in page.evaluate("options => axe.run(options)", options)["violations"]
        if violation["id"] not in STREAMLIT
        for node in violation["nodes"]
    ]


def is_light(page: Page) -> bool:
    color: str = page.get_by_test_id("stApp").evaluate("at => getComputedStyle(at).backgroundColor")
    return sum(int(part) for part in re.findall(r"\d+", color)[:3]) > 3 * 128


SECTION = "[data-testid=stTopNavSection]"
MARKED = f"""() => [...document.querySelectorAll('{SECTION}')]
  .filter(node => getComputedStyle(node).boxShadow !== 'none').map(node => node.innerText.trim())"""
LOCAL = re.compile(r"(http|ws)://127\.0\.0\.1[:/]|data:|blob:")


class Tour:
    """One page on its way through all views."""

    def __init__(self, page: Page, app_url: str) -> None:
        self.page, self.app_url = page, app_url
        self.errors: list[str] = []
        self.addresses: set[str] = set()
        self.scheme, self.loaded = "light", False
        watch(page, self.errors)
        page.on("websocket", lambda socket: self.addresses.add(socket.url))
        page.on("request", lambda request: self.addresses.add(request.url))

    def open(self, view: AppPage) -> None:
        """The view with its answers, in the window of before; loaded anew after one that failed."""
        if self.loaded:
            self.page.locator(SECTION, has_text=view.menu).click()
            titled = self.page.get_by_text(view.title, exact=True)
            self.page.get_by_role("menuitem").filter(has=titled).click()
            self.page.mouse.move(0, 0)
        else:
            self.page.set_viewport_size(SCREEN)
            self.page.goto(f"{self.app_url}/{view.address}")
        self.loaded = False
        settle(self.page)
        stop = self.page.get_by_role("button", name="Stop", exact=True)
        if stop.count():
            expect(stop).to_have_count(0, timeout=LONG)
            settle(self.page)
        assert self.page.evaluate(MARKED) == [view.menu]

    def change_theme(self) -> None:
        self.scheme = "dark" if self.scheme == "light" else "light"
        self.page.emulate_media(color_scheme=self.scheme)
        eventually(lambda: is_light(self.page), lambda light: light == (self.scheme == "light"))
        settle(self.page)


@pytest.fixture(scope="module")
def tour(browser: Browser, app_url: str) -> Iterator[Tour]:
    with browser.new_context(color_scheme="light") as context:
        context.add_init_script(STILL)
        yield Tour(context.new_page(), app_url)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.address)
def test_axe_finds_nothing_in_either_theme_and_the_answer_comes_first(
    tour: Tour, view: AppPage
) -> None:
    tour.open(view)
    assert not faults(tour.page)
    tour.change_theme()
    assert not faults(tour.page, COLORS)
    if check := FIRST.get(view.address):  # in one theme: colors move nothing, and each costs a draw
        check(tour.page)
    assert not tour.errors
    assert not [address for address in tour.addresses if not LOCAL.match(address)]
    tour.loaded = True


def test_faint_text_a_nameless_button_and_a_skipped_heading_are_found(page: Page) -> None:
    page.set_content(
        "<html lang=en><title>t</title><body style='background:#fff'><main><h1>One</h1><h3>Three"
        "</h3><p style='color:#777;opacity:.8'>faint</p><button></button></main></body></html>"
    )
    names = {line.split(":")[0] for line in faults(page)}
    assert {"color-contrast", "button-name", "heading-order"} <= names
