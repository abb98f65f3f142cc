"""What a server of its own shows: the first request to it, and then that nothing was computed.

Streamlit looks for a pages/ folder beside the main script until st.navigation has run once, and
in that time refuses deep links. app.py serves a script from another folder; this pins the cure.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from components.stories.told import STORIES
from tests.browser.conftest import OpenPage, Serve
from tests.browser.expecting import expect
from tests.browser.server import ROOT, settle
from tests.browser.test_stories import PROJECTOR, alone

KEYS = ("ArrowRight", " ", "PageDown", "ArrowDown")  # the last ones as remotes send them


@pytest.fixture(scope="module")
def fresh_url(serve: Serve) -> str:
    """A server that nobody has asked anything but the tests of this file, in their order."""
    return serve(ROOT / "app.py")


def test_a_deep_link_opens_its_view_with_its_settings_as_the_first_request_to_a_fresh_server(
    fresh_url: str, page: Page
) -> None:
    story = STORIES[0]
    page.goto(f"{fresh_url}/stories?story={story.name}&step=4")  # which computes nothing
    settle(page)
    expect(page.get_by_role("heading", level=1)).to_have_text(story.steps[3].title)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page).to_have_url(re.compile("step=4"))


@pytest.mark.slow
def test_three_stories_are_walked_by_keyboard(fresh_url: str, open_page: OpenPage) -> None:
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
