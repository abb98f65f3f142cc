"""A real browser and a real server for the journeys."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from playwright.sync_api import expect as playwright_expect

from tests.browser import chromium
from tests.browser.server import ROOT, serving, settle

FOLDER = Path(__file__).parent
Serve = Callable[..., str]
playwright_expect.set_options(
    timeout=90_000
)  # two cores may be busy with something that takes long


# In a new tab nothing is left of what others have chosen, and the tab keeps what is chosen in it.
ANOTHER_PERSON = """if (window === top && !sessionStorage.getItem('opened')) {
  localStorage.clear();
  sessionStorage.setItem('opened', 'by a test');
}"""
# What would move forever moves once: without a GPU, a placeholder's shimmer costs more than a page.
STILL = """document.addEventListener('DOMContentLoaded', () => {
  const style = document.createElement('style');
  style.textContent = '*, ::before, ::after { animation-iteration-count: 1 !important; }';
  document.documentElement.append(style);
});"""
OF_A_PAGE = {"viewport", "color_scheme", "reduced_motion"}  # what needs no context of its own


class OpenPage(Protocol):
    """Opens a page as another person would."""

    def __call__(self, **context: Any) -> Page: ...


class Visit(Protocol):
    """Opens a view by its address and a link, as another person; waits until it stands."""

    def __call__(
        self, address: str, link: Mapping[str, object] | None = None, **context: Any
    ) -> Page: ...


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests; without one they fail rather than skip."""
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared(browser: Browser) -> BrowserContext:
    """One context for most pages: it has Streamlit's scripts at hand, read and compiled."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    context.add_init_script(ANOTHER_PERSON + STILL)
    return context


@pytest.fixture(scope="module")
def first_page(shared: BrowserContext) -> Iterator[Page]:
    """An empty page, open as long as a file's tests run, and with it the process of all pages.

    To start a process, and to compile Streamlit and Plotly in it, costs more than to draw a page
    (chromium.FLAGS). It grows with each page, so it ends with the file.
    """
    page = shared.new_page()
    page.route("**", lambda route: route.fulfill(body=""))  # no server has to be there
    page.goto("http://127.0.0.1/")
    yield page
    page.close()


@pytest.fixture(scope="session")
def serve(own_home: Path) -> Iterator[Serve]:
    """Starts a script on a server of its own: serve(path, NAME="value") gives its URL."""
    data = own_home / "data"  # phantoms take half a minute: drawn once in a run, not by each server
    with ExitStack() as servers:
        yield lambda script, **env: servers.enter_context(serving(script, data, **env))


@pytest.fixture(scope="session")
def app_url(serve: Serve) -> str:
    """The app, shared by the journeys."""
    return serve(ROOT / "app.py")


@pytest.fixture(scope="session")
def viewer_url(serve: Serve) -> str:
    """The viewer alone, with maps that are known."""
    off = {"STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false"}  # would call another computer
    return serve(FOLDER / "viewer_demo.py", STREAMLIT_SERVER_FILE_WATCHER_TYPE="none", **off)


@pytest.fixture
def console_errors() -> list[str]:
    """What the browser complained about. A test that expects a complaint clears the list."""
    return []


def watch(page: Page, errors: list[str]) -> None:
    """Give the page time on a busy machine, and note what the browser complains about."""

    def note(message: ConsoleMessage) -> None:
        # On a deep link Streamlit first looks for its server under the page's own path.
        looked_for_server = "/_stcore/" in message.location.get("url", "")
        if message.type == "error" and not looked_for_server:
            errors.append(message.text)

    page.set_default_timeout(90_000)
    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))


@pytest.fixture
def open_page(
    browser: Browser, shared: BrowserContext, first_page: Page, console_errors: list[str]
) -> Iterator[OpenPage]:
    """Opens pages, each as another person; at the end the console must be clean."""
    with ExitStack() as contexts:

        def open_one(**options: Any) -> Page:
            options = {"viewport": {"width": 1280, "height": 900}, **options}
            if options.keys() <= OF_A_PAGE:
                page = shared.new_page()
                page.set_viewport_size(options["viewport"])
                names = ("color_scheme", "reduced_motion")
                page.emulate_media(**{name: options.get(name) for name in names})
            else:
                context = contexts.enter_context(browser.new_context(**options))
                context.add_init_script(STILL)
                page = context.new_page()
            watch(page, console_errors)
            return page

        yield open_one
    for page in shared.pages:
        if page is not first_page:
            page.close()
    shared.clear_cookies()
    assert not console_errors


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    return open_page()


@pytest.fixture
def visit(app_url: str, open_page: OpenPage) -> Visit:
    def visited(address: str, link: Mapping[str, object] | None = None, **context: Any) -> Page:
        page = open_page(**context)
        query = f"?{urlencode(link, doseq=True)}" if link else ""
        page.goto(f"{app_url}/{address}{query}")
        settle(page)
        return page

    return visited
