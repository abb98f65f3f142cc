"""What surrounds every view: menu, jobs, the square, an upload after a reload, narrow tables."""

from __future__ import annotations

import re
from hashlib import blake2b
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.server import eventually, settle
from tests.browser.test_journeys import photograph, upload

PHONE = {"width": 390, "height": 844}
QUICK = "heatmaps.methods=Gradient&trust.on=false"
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
MARKED = """() => [...document.querySelectorAll('[data-testid=stTopNavSection]')]
  .filter(node => getComputedStyle(node).boxShadow !== 'none').map(node => node.innerText.trim())"""
FADES = """node => getComputedStyle(node).getPropertyValue('--more')"""
BOARD = "[data-testid=stMain] [aria-label=Scoreboard]"


def test_the_menu_marks_the_question_of_the_open_view(app_url: str, page: Page) -> None:
    for address, question in (("heatmaps", "Attribution"), ("prune", "Sparsity"), ("", "Overview")):
        page.goto(f"{app_url}/{address}")
        settle(page)
        assert page.evaluate(MARKED) == [question]


def test_the_sign_of_drawing_stands_beside_jobs_without_a_second_stop(
    app_url: str, page: Page
) -> None:
    page.goto(f"{app_url}/heatmaps?{QUICK}")
    settle(page)
    room, sign, stop = page.evaluate(SIGN)
    assert room >= 20  # px, also for “Jobs (10)”
    assert sign
    assert not stop


def test_a_click_on_the_square_without_dragging_asks_nothing_new(app_url: str, page: Page) -> None:
    page.goto(f"{app_url}/heatmaps?{QUICK}&image=A+cup+of+coffee")  # its middle has five decimals
    settle(page)
    square = page.get_by_role("group", name="The square that the model sees")
    square.click()
    page.wait_for_timeout(1000)
    settle(page)
    assert "crop=" not in page.url
    square.focus()
    page.keyboard.press("Shift+ArrowLeft")
    expect(page).to_have_url(re.compile("crop="))
    page.keyboard.press("Shift+ArrowRight")
    expect(page).not_to_have_url(re.compile("crop="))


def test_an_upload_is_still_there_after_a_reload_and_only_in_its_tab(
    app_url: str, page: Page, open_page: OpenPage, tmp_path: Path
) -> None:
    page.goto(f"{app_url}/heatmaps?{QUICK}")
    settle(page)
    upload(page, photograph(tmp_path / "secret-name.jpg", "coffee"))
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


def test_a_link_to_an_upload_asks_for_that_file_and_tells_it_from_another(
    app_url: str, page: Page, tmp_path: Path
) -> None:
    other, same = (photograph(tmp_path / f"{name}.jpg", name) for name in ("rocket", "coffee"))
    digest = blake2b(same.read_bytes(), digest_size=4).hexdigest()
    page.goto(f"{app_url}/heatmaps?{QUICK}&image=Your+image&file={digest}")
    settle(page)
    expect(page.get_by_text(f"Open the file with the digest {digest}")).to_be_visible()
    upload(page, other)
    another = page.get_by_text(f"The link was made with another file: its digest is {digest}")
    expect(another).to_be_visible()
    upload(page, same)
    expect(page.get_by_text(re.compile("speak for “espresso”"))).to_be_visible()
    expect(page.get_by_text("The link ")).to_have_count(0)
    expect(page).to_have_url(re.compile(f"file={digest}"))


def test_on_a_telephone_a_wide_table_fades_where_there_is_more(
    app_url: str, open_page: OpenPage
) -> None:
    page = open_page(viewport=PHONE)
    page.goto(f"{app_url}/forget")
    settle(page, 240)
    board = page.locator(BOARD)
    assert board.evaluate("node => node.scrollWidth > node.clientWidth")
    assert board.evaluate(FADES) != "0px"
    board.evaluate("node => node.scrollTo(node.scrollWidth, 0)")
    eventually(lambda: board.evaluate(FADES), lambda width: width == "0px")
    page.set_viewport_size({"width": 1900, "height": 900})
    eventually(lambda: board.evaluate(FADES), lambda width: width == "0px")
