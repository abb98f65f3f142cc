"""Stories on a server of their own: they are walked, and nothing was computed for them."""

from __future__ import annotations

import pytest

from components.stories.told import STORIES
from tests.browser.conftest import OpenPage, Serve
from tests.browser.expecting import expect
from tests.browser.server import ROOT, settle
from tests.browser.test_stories import PROJECTOR, alone

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
