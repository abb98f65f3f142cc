"""The whole way with the keyboard alone: choose an image, open a view, change a setting, file it.

At every stop of Tab the focus is seen: with it, pixels around what has it change by at least 3 to 1
in brightness (WCAG 2.4.13). A popover closes with Escape and gives the focus back to its button.

What Streamlit itself prevents, as of 1.67:

- A popover stands at the page's end: Tab leaves it there, for the top of the page. Opened with a
  key it takes the focus, which is ours (components/widgets/popovers.js).
- After the page has changed, Tab begins at the top again; "Skip to main content" is the short way.
"""

import re
from base64 import b64decode
from io import BytesIO
from urllib.parse import urlencode

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import FloatRect, Page

from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.server import eventually, settle
from tests.browser.test_journeys import GRADIENT_LINK, focused

CONTRAST = 3.0  # between a pixel with the focus and without it
ENOUGH = 60  # pixels of a ring: a button of 16 px with a ring of one pixel
AROUND = 8  # px
MOST = 150  # stops of a page
LONGEST = 60  # characters of a name: the page itself has the focus too, as what can be scrolled
ICON = re.compile("[a-z]+(_[a-z]+)*")

PLACE = """at => {
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  if (at === document.body) return null;
  const hidden = at.matches("input") && at.closest("label");
  const drawn = hidden || (at.matches("input") ? at.parentElement.parentElement : at);
  const { x, y, width, height } = drawn.getBoundingClientRect();
  return { x, y, width, height };
}"""
AT_REST = "() => document.getAnimations().forEach(each => each.finish())"
LEAVE = """at => {
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  window.left = at;
  at.blur();
}"""


def called(page: Page) -> str:
    """The name of what has the focus, in one line and without the names of its icons."""
    lines = (line.strip() for line in focused(page).split("\n"))
    return " ".join(line for line in lines if line and not ICON.fullmatch(line))[:LONGEST]


def around(page: Page) -> FloatRect | None:
    """What has the focus and a margin, as far as it is on the screen; None of the page itself."""
    box = page.evaluate_handle("document.activeElement").evaluate(PLACE)
    size = page.viewport_size
    if box is None or size is None:
        return None
    left, top = max(box["x"] - AROUND, 0), max(box["y"] - AROUND, 0)
    right = min(box["x"] + box["width"] + AROUND, size["width"])
    bottom = min(box["y"] + box["height"] + AROUND, size["height"])
    assert right > left, f"{called(page)} has the focus beside the screen"
    assert bottom > top, f"{called(page)} has the focus below or above the screen"
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


def brightness(page: Page, clip: FloatRect) -> NDArray[np.float64]:
    """Relative luminance of a part of the screen, (H, W)."""
    page.evaluate(AT_REST)
    devtools = page.context.new_cdp_session(page)  # `page.screenshot` takes three times as long
    shot = devtools.send("Page.captureScreenshot", {"clip": {**clip, "scale": 1}})
    devtools.detach()
    share = np.asarray(Image.open(BytesIO(b64decode(shot["data"]))).convert("RGB"), float) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ (0.2126, 0.7152, 0.0722))


def ring(page: Page) -> int:
    """How many pixels the focus changes by 3 to 1; it stays where it is."""
    clip = around(page)
    if clip is None:
        return ENOUGH
    with_focus = brightness(page, clip)
    page.evaluate_handle("document.activeElement").evaluate(LEAVE)
    without = brightness(page, clip)
    page.evaluate("window.left.focus()")
    ratio = (np.maximum(with_focus, without) + 0.05) / (np.minimum(with_focus, without) + 0.05)
    return int((ratio >= CONTRAST).sum())


class Keyboard:
    """Tab, with a look at every stop.

    Args:
        page: where the keys go.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.unseen: dict[str, int] = {}
        self.seen: set[str] = set()

    def to(self, name: str) -> None:
        """Tab until what has the focus is called so."""
        for _ in range(MOST):
            self.page.keyboard.press("Tab")
            here = called(self.page)
            self.look(here)
            if re.fullmatch(name, here):
                return
        pytest.fail(f"Tab never came to {name}; it came to {sorted(self.seen)}")

    def look(self, name: str) -> None:
        """Note a stop whose focus is not seen; each is looked at once."""
        if name in self.seen:
            return
        self.seen.add(name)
        if ring(self.page) < ENOUGH:
            settle(self.page)  # a page that was drawn anew between two shots had no focus in either
            if called(self.page) == name and (pixels := ring(self.page)) < ENOUGH:
                self.unseen[name] = pixels

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        settle(self.page)


@pytest.fixture
def keyboard(app_url: str, page: Page) -> Keyboard:
    """On the start page, with a model that answers at once about every image."""
    page.goto(f"{app_url}/?model=Digits+CNN")
    settle(page)
    return Keyboard(page)


def test_from_the_start_to_a_report_with_the_keyboard_alone(keyboard: Keyboard) -> None:
    page = keyboard.page
    keyboard.to("A cup of coffee")
    keyboard.press("Enter")
    assert called(page) == "A cup of coffee"
    keyboard.to("Open Heatmaps")
    keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/heatmaps\?.*image=A\+cup\+of\+coffee"))

    keyboard.to("Skip to main content")
    keyboard.press("Enter")
    keyboard.to("Grad-CAM")  # the row of methods is one stop; arrows go along it
    while called(page) != "Gradient":
        page.keyboard.press("ArrowRight")
    keyboard.press("Enter")
    keyboard.to("Gradient: settings")
    keyboard.press("Enter")
    eventually(lambda: called(page), lambda name: name == "Help for Channels")  # the first within
    keyboard.to("Channels")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"Gradient\.channels=size"))
    assert called(page) == "Channels"
    keyboard.press("Escape")
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)
    assert called(page) == "Gradient: settings"

    keyboard.to("Share")
    keyboard.press("Enter")
    eventually(lambda: called(page), lambda name: name != "Share")
    keyboard.to("Gradient")
    keyboard.press("Enter")
    keyboard.to("Pin")
    keyboard.press("Enter")
    expect(page.get_by_text("Pinned. The tray holds 1 result.")).to_be_visible()
    assert called(page) == "Pin"
    keyboard.press("Escape")
    assert called(page) == "Share"

    keyboard.to(r"Tray \(1\)")
    keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Tray", level=1)).to_be_visible()
    keyboard.to("Make the report")
    keyboard.press("Enter")
    keyboard.to(r"Download \(.*\)")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    assert waiting.value.suggested_filename == "blindspot-report.html"
    assert not keyboard.unseen


def test_in_the_dark_the_stops_of_a_menu_are_seen_too(app_url: str, open_page: OpenPage) -> None:
    page = open_page(color_scheme="dark")
    page.goto(f"{app_url}/heatmaps?{urlencode(GRADIENT_LINK)}")
    settle(page)
    keyboard = Keyboard(page)
    page.get_by_role("button", name="Share", exact=True).focus()
    keyboard.press("Enter")
    eventually(lambda: called(page), lambda name: name != "Share")
    for _ in range(4):
        keyboard.look(called(page))
        page.keyboard.press("Tab")
    assert {"Pin", "Report"} <= keyboard.seen
    assert not keyboard.unseen
