"""The stories on a projector: large, and alone on the screen; nothing is computed for them."""

import re

import pytest
from playwright.sync_api import Page

from components.stories.told import STORIES
from tests.browser.conftest import OpenPage, Serve
from tests.browser.expecting import expect
from tests.browser.server import ROOT, settle

PROJECTOR = {"width": 1920, "height": 1080}
SMALLEST = 28  # px
TOOLS = (
    "[data-testid=stSidebar], [data-testid=stHeader], [data-testid=stExpander], .st-key-jobs, "
    ".bs-tools, .bp-tools, input, select, textarea, [data-testid=stButton]"
)
# The size in px on the screen of every text that is seen, also within components.
SIZES = """() => {
  const found = [];
  const walk = node => {
    for (const child of node.childNodes) {
      if (child.nodeType === Node.TEXT_NODE && child.data.trim()) {
        const at = child.parentElement;
        if (!at || at.closest('style, script') || !at.checkVisibility()) continue;
        if (at.getBoundingClientRect().width <= 1) continue; // for screen readers
        const size = parseFloat(getComputedStyle(at).fontSize) * (at.currentCSSZoom ?? 1);
        found.push([Math.round(10 * size) / 10, child.data.trim().slice(0, 40)]);
      }
      if (child.shadowRoot) walk(child.shadowRoot);
      walk(child);
    }
  };
  walk(document.querySelector('[data-testid=stMain]'));
  return found;
}"""
OVERFLOW = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  return [main.scrollHeight - main.clientHeight, main.scrollWidth - main.clientWidth];
}"""


def alone(page: Page) -> None:
    """Nothing but the slide is seen, in large type, and it fits the screen."""
    settle(page)
    assert not [tool for tool in page.locator(TOOLS).all() if tool.is_visible()]
    sizes = page.evaluate(SIZES)
    assert len(sizes) > 5
    assert not [size for size in sizes if size[0] < SMALLEST - 0.05]
    assert page.evaluate(OVERFLOW) == [0, 0]


def test_reload_back_mouse_and_notes(app_url: str, open_page: OpenPage) -> None:
    page, cat = open_page(viewport=PROJECTOR, reduced_motion="reduce"), STORIES[0]
    titles = [step.title for step in cat.steps]
    heading = page.get_by_role("heading", level=1)
    page.goto(f"{app_url}/stories?story=cat")
    expect(heading).to_have_text(titles[0])
    page.get_by_role("button", name="Next step").click()
    expect(heading).to_have_text(titles[1])
    page.get_by_role("button", name=f"Step 4: {titles[3]}").click()
    expect(heading).to_have_text(titles[3])
    expect(page).to_have_url(re.compile(r"step=4"))
    page.reload()
    expect(heading).to_have_text(titles[3])
    page.go_back()
    expect(heading).to_have_text(titles[1])
    page.go_forward()
    expect(heading).to_have_text(titles[3])
    settle(page)
    note = page.get_by_text(cat.steps[3].note)
    expect(note).to_be_hidden()
    page.keyboard.press("n")
    expect(note).to_be_visible()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="The notes in a window of their own").click()
    second = opened.value
    expect(second.get_by_role("heading", level=1)).to_have_text(titles[3])
    settle(second)
    page.keyboard.press("ArrowLeft")
    expect(second.get_by_role("heading", level=1)).to_have_text(titles[2])
    second.keyboard.press("ArrowLeft")
    expect(heading).to_have_text(titles[1])


KEYS = ("ArrowRight", " ", "PageDown", "ArrowDown")  # the last ones as remotes send them


@pytest.mark.slow
def test_three_stories_are_walked_by_keyboard(serve: Serve, open_page: OpenPage) -> None:
    fresh_url = serve(ROOT / "app.py")
    page = open_page(viewport=PROJECTOR, reduced_motion="reduce")
    for story in STORIES:
        page.goto(f"{fresh_url}/stories?story={story.name}")
        for at, step in enumerate(story.steps):
            expect(page.get_by_role("heading", name=step.title, level=1)).to_be_visible()
            alone(page)
            page.keyboard.press(KEYS[at % len(KEYS)])
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text(story.steps[-1].title)  # there is none after the last
        page.keyboard.press("Home")
        expect(heading).to_have_text(story.steps[0].title)
        page.keyboard.press("End")
        expect(heading).to_have_text(story.steps[-1].title)
        page.keyboard.press("PageUp")
        expect(heading).to_have_text(story.steps[-2].title)
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{fresh_url}/")
    settle(page)
    page.get_by_role("button", name="Jobs").click()
    expect(page.get_by_text("Nothing was asked yet that takes long.")).to_be_visible()
