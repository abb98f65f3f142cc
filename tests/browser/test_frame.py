"""What surrounds every view: the sign of drawing, the square, an upload after a reload."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.server import settle
from tests.browser.test_journeys import photograph, upload

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


def test_drawing_shows_no_second_stop_and_a_click_on_the_square_asks_nothing_new(
    app_url: str, page: Page
) -> None:
    page.goto(f"{app_url}/heatmaps?{QUICK}&image=A+cup+of+coffee")  # its middle has five decimals
    settle(page)
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
