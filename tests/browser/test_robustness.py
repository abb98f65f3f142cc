"""Robustness as a visitor goes through it: a photograph, five classes in an order, their maps."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page

from engine.attribution.robustness.followed import FOLLOWS, MAPS
from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.lists import choose
from tests.browser.server import ROOT, eventually, settle
from tests.browser.test_journeys import photograph, upload

LONG = 240  # seconds, where others compute beside it
pytestmark = pytest.mark.timeout(900)

FIVE = ["chocolate sauce", "consomme", "soup bowl", "cup", "coffee mug"]  # it finds in 15 steps
QUICK = {"robust.order": [FIVE[1], FIVE[0], *FIVE[2:4]], "robust.QuadAttacK.steps": "15"}

DIGIT = {
    "image": "From a data set",
    "data": "Digits, 8 × 8",
    "model": "Digits CNN",
    "robust.after": "your order",
}

NAMED = "|".join(re.escape(kind.title) for kind in MAPS)
FOLLOWED = re.compile(
    rf"^(\d) of (\d) heat maps moved with the answer \(rank correlation below {FOLLOWS:g}\): "
    rf"({NAMED}) most \((-?\d\.\d\d)\), ({NAMED}) least \((-?\d\.\d\d)\)\."
)
PANELS = ["before: the old class", "after: the old class", "after: what it says now"]


def expect_maps_compared(page: Page) -> None:
    """Once the answer is another one: which map followed it most, and one map in three panels."""
    heading = page.get_by_role("heading", name=FOLLOWED)
    expect(heading).to_be_visible(timeout=1000 * LONG)
    sentence = FOLLOWED.match(heading.inner_text())
    assert sentence
    moved, of, most, lowest, least, highest = sentence.groups()
    assert (int(moved) == 0) == (float(lowest) >= FOLLOWS), sentence[0]  # "0 of": none followed
    assert (int(moved) == int(of)) == (float(highest) < FOLLOWS), sentence[0]
    for name in (most, least):
        expect(page.get_by_role("radio", name=name, exact=True)).to_be_visible()
    viewer = page.locator(".bs-viewer").filter(has=page.get_by_text(PANELS[-1], exact=True))
    expect(viewer).to_be_visible()
    expect(viewer.locator(".bs-panel strong")).to_have_text(PANELS)
    for panel in viewer.locator(".bs-panel").all():
        expect(panel.locator(".bs-stage canvas")).to_be_visible()
        expect(panel.locator(".bs-read")).to_have_text(re.compile(r"\w"))  # a map is there
        expect(panel.locator(".bs-wait")).to_be_hidden()


def grips(page: Page) -> list[str]:
    """The rows of the list, from the first."""
    return [
        label.split(", place")[0]
        for label in page.locator("ol .grip").evaluate_all(
            "nodes => nodes.map(node => node.getAttribute('aria-label'))"
        )
    ]


@pytest.mark.slow
def test_a_photograph_says_five_classes_in_the_order_of_the_list(
    app_url: str, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page()
    page.goto(f"{app_url}/robustness?{urlencode(QUICK, doseq=True)}")
    upload(page, photograph(tmp_path / "cup.jpg", "coffee"))
    settle(page, LONG)
    choose(page, "^Your order", FIVE[4], LONG, typed=FIVE[4])
    page.keyboard.press("Escape")
    settle(page, LONG)
    page.locator("ol .grip").nth(1).focus()
    page.keyboard.press("ArrowUp")
    question = page.get_by_text(f"Can it be made to say {', '.join(FIVE)}?")
    expect(question.first).to_be_visible()
    settle(page, LONG)  # while it is drawn anew, its button is there twice
    page.get_by_role("button", name=re.compile("^Make it say this")).click()
    result = page.get_by_role("heading", name=re.compile("^It says your 5 classes in your order"))
    expect(result).to_be_visible(timeout=1000 * LONG)
    expect(result).to_contain_text(f"({', '.join(FIVE)})")
    settle(page, LONG)
    steps = page.get_by_role("group", name="Path player").nth(1)  # behind that of the attack above
    expect(steps.get_by_text(f"the model says {FIVE[0]}")).to_be_visible()
    expect(steps.locator("li", has_text="first of yours")).to_contain_text(FIVE[0])
    steps.get_by_role("slider").focus()
    page.keyboard.press("Home")
    status = steps.locator(".bp-said")  # its words stand in the status for screen readers, too
    expect(status).to_have_text(re.compile(r"^Step 0 of \d+: the model says "))
    ranked = page.locator(".ytick text").all_text_contents()
    for place, name in enumerate(FIVE, 1):  # as the model ranks them now
        label = rf"{place} \(was \d+\)\s*" + name.replace(" ", r"\s*")  # of two lines
        assert any(re.match(label, ranked_label) for ranked_label in ranked), (place, name, ranked)

    page.get_by_role("radio", name="your order").click()
    settle(page, LONG)
    compare = page.get_by_role("button", name=re.compile("^Compare the maps"))
    compare.click()
    expect_maps_compared(page)


def orders_asked(page: Page) -> set[tuple[str, ...]]:
    """The lists that the page says it asks about: above the answer and in its explanation."""
    questions = page.get_by_text(re.compile("^Can it be made to say .+")).all_text_contents()
    return {
        tuple(question.removeprefix("Can it be made to say ").rstrip("?").split(", "))
        for question in questions
    }


@pytest.mark.slow
def test_a_class_that_is_dragged_to_the_front_is_what_is_asked_for_first(
    app_url: str, open_page: OpenPage
) -> None:
    page = open_page()
    page.goto(f"{app_url}/robustness?{urlencode(DIGIT)}")
    settle(page, LONG)
    before = grips(page)
    assert len(before) == 3
    assert orders_asked(page) == {tuple(before)}
    rows = page.locator("ol .grip")
    rows.first.scroll_into_view_if_needed()
    settle(page, LONG)
    start, end = rows.last.bounding_box(), rows.first.bounding_box()
    assert start is not None
    assert end is not None
    left, top = start["x"] + 30, start["y"] + start["height"] / 2
    page.mouse.move(left, top)
    page.mouse.down()
    for part in range(1, 13):
        page.mouse.move(left, top + (end["y"] - start["y"]) * part / 12)
    page.mouse.up()
    wanted = [before[-1], *before[:-1]]
    assert grips(page) == wanted
    page.mouse.move(left + 300, top)  # the hand is off it
    expect(page.get_by_text(f"Can it be made to say {', '.join(wanted)}?").first).to_be_visible()
    settle(page, LONG)
    assert orders_asked(page) == {tuple(wanted)}
    assert grips(page) == wanted
    assert re.findall("robust.order=([^&]+)", page.url) == wanted


# ---------------------------------------------------------------- the list alone

SCRIPT = (ROOT / "components" / "widgets" / "order.js").read_text("utf-8")
REST = int(re.findall(r"REST = (\d+);", SCRIPT)[0])
WORDS = ["cat", "dog", "cow", "hen"]


def draw(page: Page, words: list[str]) -> None:
    """As the page does after each run."""
    page.evaluate(
        """data => draw({data, parentElement: document.body,
                         setTriggerValue: (_, order) => sent.push(order)})""",
        {"label": "animals", "words": words},
    )


def sent(page: Page) -> list[list[str]]:
    """The orders that were sent since it was asked last."""
    results: list[list[str]] = page.evaluate("sent.splice(0)")
    return results


@pytest.fixture
def list_page(open_page: OpenPage) -> Page:
    page = open_page()
    page.route("http://127.0.0.1/", lambda route: route.fulfill(body=""))  # no server is needed
    page.goto("http://127.0.0.1/")
    script = SCRIPT.replace("export default function", "window.draw = function")
    page.add_script_tag(content=f"window.sent = [];\n{script}")
    style = (ROOT / "components" / "widgets" / "order.css").read_text("utf-8")
    page.add_style_tag(content=style)
    draw(page, WORDS)
    return page


def test_a_row_is_moved_by_keys_and_buttons_and_the_last_order_is_sent_once(
    list_page: Page,
) -> None:
    cow = list_page.get_by_role("button", name="cow, place")
    cow.focus()
    list_page.keyboard.press("ArrowUp")
    list_page.keyboard.press("ArrowUp")
    list_page.keyboard.press("ArrowUp")  # it is the first already
    expect(cow).to_be_focused()
    expect(cow).to_have_accessible_name("cow, place 1 of 4: arrow keys move it")
    expect(list_page.get_by_role("status")).to_have_text("cow is now 1.")
    assert eventually(lambda: sent(list_page), bool) == [["cow", "cat", "dog", "hen"]]
    expect(list_page.get_by_role("button", name="Move cow earlier")).to_be_disabled()
    list_page.get_by_role("button", name="Move dog later").click()
    assert eventually(lambda: sent(list_page), bool) == [["cow", "cat", "hen", "dog"]]
    draw(list_page, ["cow", "cat", "hen", "dog"])
    expect(list_page.get_by_role("button", name="Move dog later")).to_be_disabled()


def test_a_row_is_dragged_over_others(list_page: Page) -> None:
    hen, cat = (list_page.get_by_role("button", name=f"{word}, place") for word in ("hen", "cat"))
    start, end = hen.bounding_box(), cat.bounding_box()
    assert start is not None
    assert end is not None
    list_page.mouse.move(start["x"] + 30, start["y"] + 10)
    list_page.mouse.down()
    for part in range(1, 9):
        way = (end["y"] - start["y"]) * part / 8
        list_page.mouse.move(start["x"] + 30, start["y"] + 10 + way)
    list_page.mouse.up()
    assert grips(list_page) == ["hen", "cat", "dog", "cow"]
    list_page.mouse.move(start["x"] + 30, start["y"] + 200)  # the hand is off it
    assert eventually(lambda: sent(list_page), bool) == [["hen", "cat", "dog", "cow"]]


def test_an_order_of_another_hand_is_drawn_but_not_while_a_row_is_moved(list_page: Page) -> None:
    list_page.get_by_role("button", name="Move cat later").click()
    draw(list_page, WORDS)  # of a run that began before
    assert grips(list_page) == ["dog", "cat", "cow", "hen"]
    eventually(lambda: sent(list_page), bool)
    draw(list_page, ["hen", "cow"])
    assert grips(list_page) == ["hen", "cow"]
