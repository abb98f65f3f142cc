"""Views of hallucination: words and their maps, decoding, captions, and a thing that fades."""

import re

import pytest
from playwright.sync_api import Page

from components.decoding.form import STORY
from tests.browser.conftest import Visit
from tests.browser.expecting import LONG, expect
from tests.browser.server import settle
from tests.browser.test_journeys import canvas, expect_another


def test_words_are_picked_by_mouse_and_keys_and_their_map_is_held_against_the_mask(
    visit: Visit,
) -> None:
    link = {"ask": "describe closely", "kind": "Partners together, as learned", "scene": 3}
    page = visit("ask", {f"ask.{name}": value for name, value in link.items()})
    answer = page.get_by_role("group", name=re.compile("^The answer: "))
    boat = answer.get_by_role("button", name=re.compile("^boat, .* sure, the boat is there"))
    before = canvas(page)
    boat.click()
    expect(page.get_by_text("Where did “boat” look?").first).to_be_visible()
    expect(page.get_by_text(re.compile("How well the maps find the boat"))).to_be_visible()
    expect_another(page, before)
    expect(page.get_by_role("button", name="Border of the known truth")).to_be_visible()
    expect(boat).to_have_attribute("aria-pressed", "true")

    answer.get_by_role("button", name=re.compile("^fish, ")).focus()
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_text("Where did “boat fish” look?").first).to_be_visible()
    expect(page.get_by_text(re.compile("find the boat and the fish"))).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Where did “fish” look?").first).to_be_visible()
    expect(page).to_have_url(re.compile("ask.words="))


def answer(page: Page, name: str) -> str:
    """What a strategy says, as its group of words is called."""
    group = page.get_by_role("group", name=re.compile(f"^{name}: "))
    return (group.get_attribute("aria-label") or "").removeprefix(f"{name}: ")


@pytest.mark.slow
def test_words_that_differ_are_framed_and_the_same_scene_is_on_ask(visit: Visit) -> None:
    page = visit("decoding")
    page.get_by_role("radio", name="describe the image", exact=True).click()
    expect(page.get_by_role("heading", name="Greedy makes up a lamp; VCD makes up")).to_be_visible()
    settle(page)  # the words follow their heading
    assert "lamp" in answer(page, "Greedy")
    assert "lamp" not in answer(page, "VCD")
    page.get_by_role("button", name=re.compile("^lamp, .* there is no lamp, not so beside")).click()
    expect(page.get_by_text("Greedy chose “lamp” after")).to_be_visible()

    page.get_by_test_id("stMarkdownContainer").get_by_text("Hallucination", exact=True).click()
    page.get_by_role("menuitem", name="Ask").click()
    settle(page)
    expect(page.get_by_role("heading", name="Ask", exact=True)).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Scene")).to_have_value(str(STORY))
    expect(page.get_by_role("textbox", name="Your question")).to_have_value("describe the image")


CAPTIONS = (
    "\ufeffcaption,objects,group\r\n"
    "A dog.,dog;bench,short\r\n"
    "A puppy and a cat beside a bench.,dog;bench,long\r\n"
)
LINK = {"benchmarks.count": 20, "benchmarks.decodings": "Greedy"}  # nothing is computed by itself


def read_captions(visit: Visit) -> Page:
    """Open the captions on Benchmarks; the sentence about them is checked."""
    page = visit("benchmarks", LINK)
    uploader = page.locator("[data-testid=stFileUploaderDropzoneInput]")
    content = CAPTIONS.encode("utf-16")
    uploader.set_input_files({"name": "mine.csv", "mimeType": "text/csv", "buffer": content})
    heading = page.get_by_role("heading", name=re.compile("^CHAIRi 25.0 %, CHAIRs 50.0 % of 2"))
    expect(heading).to_be_visible()
    expect(heading).to_contain_text("at recall 75.0 %")
    return page


def test_a_csv_of_captions_is_read_and_a_row_is_opened_by_the_mouse(visit: Visit) -> None:
    page = read_captions(visit)
    expect(page.get_by_text("✗ cat")).to_be_visible()  # the worst caption is open
    settle(page)

    table = page.get_by_test_id("stDataFrame").last
    table.scroll_into_view_if_needed()
    table.click(position={"x": 14, "y": 88})  # the box before the second row
    expect(page.get_by_text("✗ cat")).to_have_count(0)
    expect(page.get_by_text("✓ dog")).to_be_visible()


FEW = {"beaf.count": 5, "beaf.BEAF.absent": 1}  # no other journey has asked this


@pytest.mark.slow
def test_a_thing_fades_the_model_forgets_it_and_pope_and_chair_are_read(visit: Visit) -> None:
    page = visit("before-and-after", FEW)
    page.get_by_role("button", name=re.compile("^Ask before and after")).click()
    follows = page.get_by_role("heading", name=re.compile("follows the image in"))
    expect(follows).to_be_visible(timeout=LONG)
    settle(page)
    page.get_by_role("slider", name=re.compile("^Opacity of the")).press("End")
    expect(page.get_by_test_id("stImageCaption").nth(1)).to_contain_text("at 100 %")
    page.locator(".st-key-beaf-worst").get_by_role("button").first.click()  # the worst pair
    settle(page)

    onward = page.get_by_role("link", name=re.compile("^Make the model forget the"))
    concept = re.search(r"forget the (\w+)", onward.inner_text())[1]
    onward.click()
    expect(page).to_have_url(re.compile(rf"/concepts\?.*concepts\.SAUCE\.concept={concept}"))
    expect(page.get_by_role("combobox", name=re.compile("^Thing to forget"))).to_have_value(concept)
    seen = re.compile(rf"^The {concept} is (no longer|not) seen")
    heading = page.get_by_role("heading", name=seen)
    expect(heading).to_be_visible(timeout=LONG)

    page.get_by_role("button", name=re.compile("^Ask POPE before and after")).click()
    polled = page.get_by_role("heading", name=re.compile(rf"^Yes to the {concept} goes from"))
    expect(polled).to_be_visible(timeout=LONG)
    expect(page.get_by_text(re.compile("random / popular / adversarial"))).to_be_visible()
    before, after = map(int, re.findall(r"from (\d+) to (\d+) %", polled.inner_text())[0])
    assert after < before

    read_captions(visit)
