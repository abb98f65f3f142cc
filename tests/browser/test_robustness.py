"""Robustness as a visitor goes through it: a photograph, five classes in an order, their maps."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from engine.attribution.robustness.followed import FOLLOWS, MAPS
from tests.browser.conftest import Visit
from tests.browser.expecting import LONG, expect
from tests.browser.server import choose, settle
from tests.browser.test_journeys import upload
from tests.browser.test_scripts import drag, grips

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
    expect(heading).to_be_visible(timeout=LONG)
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


@pytest.mark.slow
def test_a_photograph_says_five_classes_in_the_order_of_the_list(
    visit: Visit, tmp_path: Path
) -> None:
    page = visit("robustness", QUICK)
    upload(page, tmp_path / "cup.jpg")
    settle(page)
    choose(page, "^Your order", FIVE[4], typed=FIVE[4])
    page.keyboard.press("Escape")
    settle(page)
    page.locator("ol .grip").nth(1).focus()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_text(f"Can it be made to say {', '.join(FIVE)}?").first).to_be_visible()
    settle(page)  # while it is drawn anew, its button is there twice
    page.get_by_role("button", name=re.compile("^Make it say this")).click()
    result = page.get_by_role("heading", name=re.compile("^It says your 5 classes in your order"))
    expect(result).to_be_visible(timeout=LONG)
    expect(result).to_contain_text(f"({', '.join(FIVE)})")
    settle(page)
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
    settle(page)
    page.get_by_role("button", name=re.compile("^Compare the maps")).click()
    expect_maps_compared(page)


def orders_asked(page: Page) -> set[tuple[str, ...]]:
    """The lists that the page says it asks about: above the answer and in its explanation."""
    questions = page.get_by_text(re.compile("^Can it be made to say .+")).all_text_contents()
    return {
        tuple(question.removeprefix("Can it be made to say ").rstrip("?").split(", "))
        for question in questions
    }


@pytest.mark.slow
def test_a_class_that_is_dragged_to_the_front_is_what_is_asked_for_first(visit: Visit) -> None:
    page = visit("robustness", DIGIT)
    before = grips(page)
    assert len(before) == 3
    assert orders_asked(page) == {tuple(before)}
    page.locator("ol .grip").first.scroll_into_view_if_needed()
    settle(page)
    x, y = drag(page, -1, 0)
    wanted = [before[-1], *before[:-1]]
    assert grips(page) == wanted
    page.mouse.move(x + 300, y)  # the hand is off it
    expect(page.get_by_text(f"Can it be made to say {', '.join(wanted)}?").first).to_be_visible()
    settle(page)
    assert orders_asked(page) == {tuple(wanted)}
    assert grips(page) == wanted
    assert re.findall("robust.order=([^&]+)", page.url) == wanted
