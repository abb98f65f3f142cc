"""What a person sees before scrolling: the image with its six cards, a sentence and its picture."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.server import settle

SCREEN, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
WIDE = 400  # px that each of two pictures has at least
EDGES = """node => {
  const box = node.getBoundingClientRect();
  const main = document.querySelector('[data-testid=stMain]');
  return {top: box.top + main.scrollTop, bottom: box.bottom + main.scrollTop, width: box.width};
}"""


def opened(open_page: OpenPage, url: str, window: dict[str, int]) -> Page:
    page = open_page(viewport=window)
    page.goto(url)
    settle(page, 240)
    return page


def edges(page: Page, what: str, at: int = 0) -> dict[str, float]:
    """Where something stands from the top of the page, in px."""
    found: dict[str, float] = page.locator(what).nth(at).evaluate(EDGES)
    return found


MAIN = "[data-testid=stMain]"  # the sidebar has a picture too
SENTENCE, PICTURE, LEGEND = f"{MAIN} h2", f"{MAIN} .bs-stage", f"{MAIN} .bs-ends"
TRUST = f"{MAIN} .bs-note"


def test_the_advice_and_the_maps_it_is_about_stand_in_the_first_screen(
    app_url: str, open_page: OpenPage
) -> None:
    page = opened(open_page, f"{app_url}/which-explanation", SCREEN)
    sentence = edges(page, SENTENCE)
    pictures = [edges(page, PICTURE, at) for at in range(2)]
    legends = [edges(page, LEGEND, at) for at in range(2)]
    assert all(sentence["bottom"] <= one["top"] for one in pictures)
    assert all(one["width"] >= WIDE for one in pictures)
    assert all(one["bottom"] <= SCREEN["height"] for one in legends)
    controls = edges(page, f"{MAIN} [data-testid=stButtonGroup]")
    evidence = edges(page, f"{MAIN} [data-testid=stPlotlyChart]")
    assert legends[0]["bottom"] < evidence["top"] < controls["top"]


def test_two_maps_with_legend_and_trust_line_stand_in_the_first_screen(
    app_url: str, open_page: OpenPage
) -> None:
    page = opened(open_page, f"{app_url}/heatmaps", SCREEN)
    for at in range(2):
        expect(page.locator(TRUST).nth(at)).to_contain_text("confirmed")
    sentence = edges(page, SENTENCE)
    for at in range(2):
        picture, legend, trust = (edges(page, what, at) for what in (PICTURE, LEGEND, TRUST))
        assert sentence["bottom"] <= picture["top"] < legend["top"] < trust["top"]
        assert picture["width"] >= WIDE
        assert trust["bottom"] <= SCREEN["height"]
    assert edges(page, f"{MAIN} [data-testid=stButtonGroup]")["top"] > trust["bottom"]


@pytest.mark.parametrize(
    ("view", "picture"),
    [("minimal-regions", "[data-testid=stImage] img"), ("level-sets", ".bp-frame")],
)
def test_the_sentence_and_the_large_picture_stand_in_the_first_screen(
    app_url: str, open_page: OpenPage, view: str, picture: str
) -> None:
    page = opened(open_page, f"{app_url}/{view}", SCREEN)
    drawn = edges(page, f"{MAIN} {picture}")
    assert edges(page, SENTENCE)["bottom"] <= drawn["top"]
    assert drawn["width"] >= 280
    assert drawn["bottom"] <= SCREEN["height"]


CARD, SAYS = f"{MAIN} [class*=st-key-start-card-]", "It says Egyptian cat"


def test_the_image_with_its_answer_and_six_cards_stand_in_the_first_screen(
    app_url: str, open_page: OpenPage
) -> None:
    page = opened(open_page, app_url, SCREEN)
    expect(page.get_by_text(SAYS)).to_be_visible()
    expect(page.locator(CARD)).to_have_count(6)
    cards = [edges(page, CARD, at) for at in range(6)]
    assert all(one["bottom"] <= SCREEN["height"] for one in cards)
    assert all(one["width"] >= 240 for one in cards)
    for at in range(6):
        inside = page.locator(CARD).nth(at)
        assert inside.evaluate("node => node.scrollWidth <= node.clientWidth")
        expect(inside.get_by_role("button", name="Open ")).to_be_visible()
    expect(page.get_by_test_id("stSidebar")).not_to_be_visible()


def test_on_a_telephone_the_image_and_the_first_card_stand_in_two_screens(
    app_url: str, open_page: OpenPage
) -> None:
    page = opened(open_page, app_url, PHONE)
    expect(page.get_by_text(SAYS)).to_be_visible()
    assert edges(page, f"{MAIN} .thumbs")["top"] <= PHONE["height"]
    assert edges(page, CARD)["bottom"] <= 2 * PHONE["height"]


@pytest.mark.parametrize("view", ["which-explanation", "heatmaps"])
def test_on_a_telephone_the_answer_and_its_map_stand_in_two_screens(
    app_url: str, open_page: OpenPage, view: str
) -> None:
    page = opened(open_page, f"{app_url}/{view}", PHONE)
    assert edges(page, SENTENCE)["bottom"] <= edges(page, PICTURE)["top"]
    assert edges(page, LEGEND)["bottom"] <= 2 * PHONE["height"]


RANKING, METHODS = f"{MAIN} table", f"{MAIN} [data-testid=stButtonGroup]"


def test_the_ranking_of_a_study_stands_in_the_first_screen_and_its_images_in_the_sidebar(
    app_url: str, open_page: OpenPage
) -> None:
    page = opened(open_page, f"{app_url}/study", SCREEN)
    table = edges(page, RANKING)
    assert edges(page, SENTENCE)["bottom"] <= table["top"]
    assert table["bottom"] <= SCREEN["height"]
    methods, evidence = edges(page, METHODS), edges(page, f"{MAIN} [data-testid=stPlotlyChart]")
    assert table["bottom"] < methods["top"] < evidence["top"]
    sidebar = page.get_by_test_id("stSidebar")
    expect(sidebar.get_by_role("radio", name="Scenes")).to_be_visible()
    expect(sidebar.get_by_text("model: Things in scenes")).to_be_visible()


@pytest.mark.parametrize(
    ("view", "picture"), [("study", "table"), ("minimal-regions", "[data-testid=stImage] img")]
)
def test_on_a_telephone_the_sentence_and_its_table_or_picture_stand_in_two_screens(
    app_url: str, open_page: OpenPage, view: str, picture: str
) -> None:
    page = opened(open_page, f"{app_url}/{view}", PHONE)
    drawn = edges(page, f"{MAIN} {picture}")
    assert edges(page, SENTENCE)["bottom"] <= drawn["top"]
    assert drawn["width"] >= 280
    assert drawn["bottom"] <= 2 * PHONE["height"]


# ---------------------------------------------------------------- Ask and Familiar?

ASKED = f"{MAIN} [data-testid=stImage] img"  # what Ask asks about
SAID = f"{MAIN} [role=group][aria-label^='The answer: ']"
DIGIT = "familiar?image=From+a+data+set&data=Digits,+8+×+8&model=Digits+MLP"  # has a verdict
HISTOGRAM, COUNTS = f"{MAIN} .bs-histogram > svg", f"{MAIN} .bs-counts"
CHART, CAPTION = f"{MAIN} [data-testid=stPlotlyChart]", f"{MAIN} [data-testid=stCaptionContainer]"


@pytest.mark.parametrize(("window", "screens", "wide"), [(SCREEN, 1, WIDE), (PHONE, 2, 280)])
def test_what_the_model_says_its_truth_and_the_image_stand_in_the_first_screen(
    app_url: str, open_page: OpenPage, window: dict[str, int], screens: int, wide: int
) -> None:
    page = opened(open_page, f"{app_url}/ask", window)
    sentence, image, said = (edges(page, what) for what in (SENTENCE, ASKED, SAID))
    expect(page.locator(SENTENCE).first).to_contain_text("Wrong. There is no lamp in this scene.")
    assert sentence["bottom"] <= image["top"]
    assert image["width"] >= wide
    last = page.get_by_text("TinyVLM, habit of seeing says").evaluate(EDGES)  # the other models
    assert max(image["bottom"], said["bottom"], last["bottom"]) <= screens * window["height"]
    expect(page.get_by_text("How sure:")).to_be_visible()
    assert edges(page, f"{MAIN} [data-testid=stButtonGroup]")["top"] > last["bottom"]


@pytest.mark.parametrize(("window", "screens"), [(SCREEN, 1), (PHONE, 2)])
def test_the_verdict_the_scores_and_what_the_line_does_stand_in_the_first_screen(
    app_url: str, open_page: OpenPage, window: dict[str, int], screens: int
) -> None:
    page = opened(open_page, f"{app_url}/{DIGIT}", window)
    expect(page.get_by_role("heading", name="(p = ")).to_be_visible()
    sentence, drawn, counts = (edges(page, what) for what in (SENTENCE, HISTOGRAM, COUNTS))
    assert sentence["bottom"] <= edges(page, f"{MAIN} .bs-legend")["top"] < drawn["top"]
    assert drawn["width"] >= min(2 * WIDE, window["width"] - 64)
    assert drawn["bottom"] < edges(page, f"{MAIN} .bs-title")["bottom"] <= counts["top"]
    expect(page.locator(f"{MAIN} .bs-title")).to_contain_text("score (logit)")
    assert counts["bottom"] <= screens * window["height"]
    assert edges(page, f"{MAIN} [data-testid=stButtonGroup]")["top"] > counts["bottom"]


@pytest.mark.parametrize(("window", "screens"), [(SCREEN, 1), (PHONE, 2)])
def test_without_a_verdict_the_score_and_its_parts_stand_in_the_first_screen(
    app_url: str, open_page: OpenPage, window: dict[str, int], screens: int
) -> None:
    page = opened(open_page, f"{app_url}/familiar", window)
    expect(page.locator(SENTENCE).first).to_contain_text("Too few normal images for a verdict")
    drawn = edges(page, CHART)
    assert edges(page, SENTENCE)["bottom"] <= drawn["top"]
    finding = page.locator(CAPTION).filter(has_text="The bars add up to the score").evaluate(EDGES)
    assert drawn["bottom"] <= finding["top"]
    assert finding["bottom"] <= screens * window["height"]
    assert edges(page, f"{MAIN} [data-testid=stButtonGroup]")["top"] > finding["bottom"]
