"""The play button's script alone, with a clock that the test moves."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.server import ROOT

SCRIPT = (ROOT / "components" / "widgets" / "steps.js").read_text("utf-8")
PACE, CALM, PATIENCE = (
    int(re.findall(rf"{name}_MS = (\d+);", SCRIPT)[0]) for name in ("PACE", "CALM", "PATIENCE")
)
LAST = 5


def draw(page: Page, at: int, *, drawn: bool = True) -> None:
    """As the page does after each run."""
    page.evaluate(
        """data => draw({data, parentElement: document.body,
                         setTriggerValue: (_, step) => sent.push(step)})""",
        {"label": "it", "at": at, "last": LAST, "drawn": drawn},
    )


def sent(page: Page) -> list[dict[str, int]]:
    """What the button has asked for since it was read last."""
    results: list[dict[str, int]] = page.evaluate("sent.splice(0)")
    return results


@pytest.fixture
def button_page(open_page: OpenPage) -> Page:
    page = open_page(locale="en-US")  # in a context of its own, where its clock stays
    page.route("http://127.0.0.1/", lambda route: route.fulfill(body=""))  # no server is needed
    page.clock.install(time=0)
    page.goto("http://127.0.0.1/")
    page.clock.pause_at(3600)  # s, ahead of where it stands
    script = SCRIPT.replace("export default function", "window.draw = function")
    page.add_script_tag(content=f"window.sent = [];\n{script}")
    return page


@pytest.mark.parametrize(("motion", "wait"), [("no-preference", PACE), ("reduce", CALM)])
def test_a_step_is_seen_for_a_while_and_longer_with_less_motion(
    button_page: Page, motion: str, wait: int
) -> None:
    assert CALM > PACE
    button_page.emulate_media(reduced_motion=motion)  # type: ignore[arg-type]
    draw(button_page, 1)
    button_page.get_by_role("button", name="Play it").click()
    assert sent(button_page) == [{"from": 1, "to": 2}]
    draw(button_page, 2)
    button_page.clock.run_for(wait - 50)
    assert sent(button_page) == []
    button_page.clock.run_for(100)
    assert sent(button_page) == [{"from": 2, "to": 3}]


def test_it_stops_where_the_person_moves_and_asks_for_nothing_more(button_page: Page) -> None:
    draw(button_page, 1)
    button_page.get_by_role("button", name="Play it").click()
    draw(button_page, 2)
    sent(button_page)
    draw(button_page, 4, drawn=False)
    button_page.clock.run_for(2 * CALM)
    draw(button_page, 4)
    expect(button_page.get_by_role("button", name="Play it")).to_be_enabled()
    button_page.clock.run_for(2 * CALM)
    assert sent(button_page) == []


def test_what_is_never_drawn_does_not_play_for_ever(button_page: Page) -> None:
    """Play waits for a step that stands; Pause works while one is drawn, and ends by itself."""
    draw(button_page, 1, drawn=False)
    expect(button_page.get_by_role("button", name="Play it")).to_be_disabled()
    draw(button_page, 1)
    button_page.get_by_role("button", name="Play it").click()
    draw(button_page, 2, drawn=False)
    expect(button_page.get_by_role("button", name="Pause it")).to_be_enabled()
    button_page.clock.run_for(PATIENCE + 50)
    expect(button_page.get_by_role("button", name="Play it")).to_be_disabled()
    draw(button_page, 2)
    expect(button_page.get_by_role("button", name="Play it")).to_be_enabled()
    assert sent(button_page) == [{"from": 1, "to": 2}]
