"""Scripts of widgets alone, without a server: the play button, whose clock moves, and the list."""

import re

import pytest
from playwright.sync_api import Page

from tests.browser import expecting
from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.server import ROOT, eventually

WIDGETS = ROOT / "components" / "widgets"
STEPS = (WIDGETS / "steps.js").read_text("utf-8")
PACE, CALM, PATIENCE = (
    int(re.findall(rf"{name}_MS = (\d+);", STEPS)[0]) for name in ("PACE", "CALM", "PATIENCE")
)
WORDS = ["cat", "dog", "cow", "hen"]


def load(page: Page, script: str) -> None:
    """An empty page with the script's `draw`; nothing was sent yet."""
    page.route("http://127.0.0.1/", lambda route: route.fulfill(body=""))  # no server is needed
    page.goto("http://127.0.0.1/")
    script = script.replace("export default function", "window.draw = function")
    page.add_script_tag(content=f"window.sent = [];\n{script}")


def draw(page: Page, **data: object) -> None:
    page.evaluate(
        """data => draw({data, parentElement: document.body,
                         setTriggerValue: (_, value) => sent.push(value)})""",
        data,
    )


def sent(page: Page) -> list[object]:
    """What the widget has asked for since it was read last."""
    results: list[object] = page.evaluate("sent.splice(0)")
    return results


def test_two_for_a_moment_are_waited_for_and_two_that_stay_are_not(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.set_content("<p>After 1 epoch</p><p id='old'>After 1 epoch</p>")
    page.evaluate("setTimeout(() => document.getElementById('old').remove(), 500)")
    expect(page.get_by_text("After 1 epoch")).to_be_visible()

    page.set_content("<p>After 1 epoch</p><p>After 1 epoch</p>")
    monkeypatch.setattr(expecting, "SECONDS", 0.3)
    with pytest.raises(AssertionError, match="strict mode violation"):
        expect(page.get_by_text("After 1 epoch")).to_be_visible()


def step(page: Page, at: int, *, drawn: bool = True) -> None:
    draw(page, label="it", at=at, last=5, drawn=drawn)


@pytest.fixture
def button_page(open_page: OpenPage) -> Page:
    page = open_page(locale="en-US")  # in a context of its own, where its clock stays
    page.clock.install(time=0)
    load(page, STEPS)
    page.clock.pause_at(3600)  # s, ahead of where it stands
    return page


@pytest.mark.parametrize(("motion", "wait"), [("no-preference", PACE), ("reduce", CALM)])
def test_a_step_is_seen_for_a_while_and_longer_with_less_motion(
    button_page: Page, motion: str, wait: int
) -> None:
    assert CALM > PACE
    button_page.emulate_media(reduced_motion=motion)  # type: ignore[arg-type]
    step(button_page, 1)
    button_page.get_by_role("button", name="Play it").click()
    assert sent(button_page) == [{"from": 1, "to": 2}]
    step(button_page, 2)
    button_page.clock.run_for(wait - 50)
    assert sent(button_page) == []
    button_page.clock.run_for(100)
    assert sent(button_page) == [{"from": 2, "to": 3}]


def test_it_stops_where_the_person_moves_and_asks_for_nothing_more(button_page: Page) -> None:
    step(button_page, 1)
    button_page.get_by_role("button", name="Play it").click()
    step(button_page, 2)
    sent(button_page)
    step(button_page, 4, drawn=False)
    button_page.clock.run_for(2 * CALM)
    step(button_page, 4)
    expect(button_page.get_by_role("button", name="Play it")).to_be_enabled()
    button_page.clock.run_for(2 * CALM)
    assert sent(button_page) == []


def test_what_is_never_drawn_does_not_play_for_ever(button_page: Page) -> None:
    """Play waits for a step that stands; Pause works while one is drawn, and ends by itself."""
    step(button_page, 1, drawn=False)
    expect(button_page.get_by_role("button", name="Play it")).to_be_disabled()
    step(button_page, 1)
    button_page.get_by_role("button", name="Play it").click()
    step(button_page, 2, drawn=False)
    expect(button_page.get_by_role("button", name="Pause it")).to_be_enabled()
    button_page.clock.run_for(PATIENCE + 50)
    expect(button_page.get_by_role("button", name="Play it")).to_be_disabled()
    step(button_page, 2)
    expect(button_page.get_by_role("button", name="Play it")).to_be_enabled()
    assert sent(button_page) == [{"from": 1, "to": 2}]


def order(page: Page, words: list[str]) -> None:
    draw(page, label="animals", words=words)


def grips(page: Page) -> list[str]:
    labels = page.locator("ol .grip").evaluate_all(
        "nodes => nodes.map(node => node.getAttribute('aria-label'))"
    )
    return [label.split(", place")[0] for label in labels]


def drag(page: Page, start: int, end: int) -> tuple[float, float]:
    """Drag a row over others by its grip and let it go; where it began, px."""
    rows = page.locator("ol .grip")
    first, last = rows.nth(start).bounding_box(), rows.nth(end).bounding_box()
    assert first
    assert last
    x, y = first["x"] + 30, first["y"] + 10
    page.mouse.move(x, y)
    page.mouse.down()
    for part in range(1, 13):
        page.mouse.move(x, y + (last["y"] - first["y"]) * part / 12)
    page.mouse.up()
    return x, y


def test_a_row_is_moved_by_keys_buttons_and_mouse_and_the_last_order_is_sent_once(
    page: Page,
) -> None:
    load(page, (WIDGETS / "order.js").read_text("utf-8"))
    page.add_style_tag(content=(WIDGETS / "order.css").read_text("utf-8"))
    order(page, WORDS)
    cow = page.get_by_role("button", name="cow, place")
    cow.focus()
    for _ in range(3):  # the third time it is the first already
        page.keyboard.press("ArrowUp")
    expect(cow).to_be_focused()
    expect(cow).to_have_accessible_name("cow, place 1 of 4: arrow keys move it")
    expect(page.get_by_role("status")).to_have_text("cow is now 1.")
    assert eventually(lambda: sent(page), bool) == [["cow", "cat", "dog", "hen"]]
    expect(page.get_by_role("button", name="Move cow earlier")).to_be_disabled()
    page.get_by_role("button", name="Move dog later").click()
    assert eventually(lambda: sent(page), bool) == [["cow", "cat", "hen", "dog"]]
    order(page, ["cow", "cat", "hen", "dog"])
    expect(page.get_by_role("button", name="Move dog later")).to_be_disabled()

    order(page, WORDS)
    assert grips(page) == WORDS
    x, y = drag(page, 3, 0)
    assert grips(page) == ["hen", "cat", "dog", "cow"]
    page.mouse.move(x, y + 190)  # the hand is off it
    assert eventually(lambda: sent(page), bool) == [["hen", "cat", "dog", "cow"]]

    order(page, WORDS)
    page.get_by_role("button", name="Move cat later").click()
    order(page, WORDS)  # of a run that began before
    assert grips(page) == ["dog", "cat", "cow", "hen"]
    eventually(lambda: sent(page), bool)
    order(page, ["hen", "cow"])
    assert grips(page) == ["hen", "cow"]
