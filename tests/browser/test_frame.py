"""What surrounds every view: the square, an upload, a menu, the way into a view, foreign names."""

import re
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenPage, Visit
from tests.browser.expecting import expect
from tests.browser.server import eventually, settle
from tests.browser.test_journeys import upload

QUICK = {"heatmaps.methods": "Gradient", "trust.on": "false"}
SIGN = """() => {
  const sign = document.createElement('div');  // as Streamlit has it, only while a page is drawn
  sign.dataset.testid = 'stStatusWidget';
  sign.innerHTML = '<i>Running</i><button>Stop</button>';
  document.querySelector('[data-testid=stToolbar]').append(sign);
  const jobs = document.querySelector('.st-key-jobs').getBoundingClientRect().width;
  const [icon, stop] = sign.children;
  return [parseFloat(getComputedStyle(sign).marginRight) - jobs,
          icon.checkVisibility(), stop.checkVisibility()];
}"""


def test_drawing_shows_no_second_stop_and_a_click_on_the_square_asks_nothing_new(
    visit: Visit,
) -> None:
    page = visit("heatmaps", QUICK | {"image": "A cup of coffee"})  # its middle has five decimals
    room, sign, stop = page.evaluate(SIGN)
    assert room >= 20  # px, also for “Jobs (10)”
    assert sign
    assert not stop
    square = page.get_by_role("group", name="The square that the model sees")
    square.click()
    settle(page)
    assert "crop=" not in page.url
    square.focus()
    page.keyboard.press("Shift+ArrowLeft")
    expect(page).to_have_url(re.compile("crop="))
    page.keyboard.press("Shift+ArrowRight")
    expect(page).not_to_have_url(re.compile("crop="))


def test_an_upload_is_still_there_after_a_reload_and_only_in_its_tab(
    visit: Visit, open_page: OpenPage, tmp_path: Path
) -> None:
    page = visit("heatmaps", QUICK)
    upload(page, tmp_path / "secret-name.jpg")
    expect(page.get_by_text(re.compile("speak for “espresso”"))).to_be_visible()
    settle(page)
    page.reload()
    expect(page.get_by_text(re.compile("speak for “espresso”"))).to_be_visible()
    settle(page)
    expect(page.get_by_text("The link asks for")).to_have_count(0)
    assert "secret" not in page.url
    other = open_page()
    other.goto(page.url)
    settle(other)
    expect(other.get_by_text("images of your own are not part of a link")).to_be_visible()
    expect(other.get_by_text(re.compile("speak for “Egyptian cat”"))).to_be_visible()


def test_a_link_to_no_view_says_so_and_opens_the_start(
    app_url: str, page: Page, console_errors: list[str]
) -> None:
    page.goto(f"{app_url}/no-such-view")
    expect(page.get_by_role("dialog")).to_contain_text("Page not found")
    assert any("does not seem to exist" in error for error in console_errors)
    console_errors.clear()


ABOVE = """height => {
  const added = document.createElement('div');
  added.style.height = `${height}px`;
  document.querySelector('[data-testid=stMainBlockContainer]').prepend(added);
}"""


def top(page: Page) -> float:
    """Of the open menu on the screen, px; −1 while it is drawn anew."""
    box = page.get_by_test_id("stPopoverBody").bounding_box()
    return box["y"] if box else -1


def test_an_open_menu_stays_when_an_answer_comes_above_it_and_may_be_scrolled_away(
    visit: Visit,
) -> None:
    page = visit("familiar")
    share = page.get_by_role("button", name="Share", exact=True)
    share.click()
    expect(page.get_by_role("button", name="Pin", exact=True)).to_be_visible()
    settle(page)
    before, button = top(page), share.bounding_box()
    page.evaluate(ABOVE, 600)
    eventually(share.bounding_box, lambda box: box == button)
    assert abs(eventually(lambda: top(page), lambda y: y >= 0) - before) < 2
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollBy(0, -150)")
    assert button is not None
    eventually(lambda: (share.bounding_box() or button)["y"] - button["y"], lambda by: by == 150)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)
    page.evaluate(ABOVE, 300)  # once it is closed, nothing is scrolled
    script = "document.querySelector('[data-testid=stMain]').style.overflowAnchor"
    eventually(lambda: page.evaluate(script), lambda anchor: anchor == "")


def by_button(page: Page) -> None:
    page.get_by_role("button", name="Open Heatmaps").click()


def by_menu(page: Page) -> None:
    page.get_by_text("Attribution", exact=True).first.click()
    page.get_by_text("Heatmaps", exact=True).first.click()


@pytest.mark.parametrize("opened", [by_button, pytest.param(by_menu, marks=pytest.mark.slow)])
def test_an_image_of_a_data_set_goes_along_into_the_link_of_its_view(
    visit: Visit, opened: Callable[[Page], None]
) -> None:
    page = visit("", {"image": "From a data set", "item": 4, "model": "Digits MLP"})
    known = page.get_by_text(re.compile(r"^id \d+, class \d$"))
    text = known.inner_text()
    opened(page)
    expect(page.get_by_role("heading", name="Heatmaps")).to_be_visible()
    settle(page)
    for part in ("image=From", "item=4", "model=Digits"):
        expect(page).to_have_url(re.compile(f"heatmaps.*{part}"))
    expect(known).to_have_text(text)
    page.reload()
    settle(page)
    expect(known).to_have_text(text)


@pytest.mark.slow
def test_a_scene_is_chosen_like_a_photograph_and_is_in_the_link(visit: Visit) -> None:
    page = visit("", {"model": "Digits MLP"})
    page.get_by_role("button", name="A scene").click()
    known = page.get_by_text("id 18, class table")
    expect(known).to_be_visible()
    settle(page)
    expect(page).to_have_url(re.compile("data=scenes.*item=3"))
    page.reload()
    expect(known).to_be_visible()
    page.get_by_role("button", name="A dahlia").click()
    expect(known).to_have_count(0)


ROUTES = (
    "/", "/prune", "/static/js/x.js", "/media/x.png", "/component/x", "/_stcore/health",
    "/_stcore/metrics", "/_stcore/host-config", "/_stcore/upload_file/a/b",
    "/_stcore/agent/openapi.json", "/_stcore/bidi-components/x", "/_stcore/stream", "/auth/login",
)  # fmt: skip


def response(url, path, host):
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    upgrade["Sec-WebSocket-Key"] = "x3JJHMbDL1EzLkh9GBhXDw=="
    headers = {"Host": host, **(upgrade if path.endswith("stream") else {})}
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}


@pytest.mark.parametrize("path", ROUTES)
def test_no_route_answers_under_a_foreign_name(app_url, path):
    assert response(app_url, path, "evil.example")[0] == 421
    status, headers = response(app_url, path, "localhost")
    assert status != 421
    assert path.endswith("stream") or "connect-src 'self'" in headers["content-security-policy"]
