"""What a person sees before scrolling: one order, the same on every view.

The answer as a sentence, one large picture, how to read it and what it rests on, then controls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest
from playwright.sync_api import Page

from components.views import VIEWS
from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.server import settle

SCREEN, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PROJECTOR = {"width": 1920, "height": 1080}
WINDOWS = [(SCREEN, 1), (PROJECTOR, 1), (PHONE, 2)]  # with the screens that the answer may fill
MOST = 2  # lines of a caption on a first screen, and of the sentence in a wide window
NARROW = 4  # lines of the sentence on a telephone
READABLE = 16  # px of a caption that the last row of a room reads
EDGES = """node => {
  const box = node.getBoundingClientRect();
  const main = document.querySelector('[data-testid=stMain]');
  return {top: box.top + main.scrollTop, bottom: box.bottom + main.scrollTop, width: box.width};
}"""
LONG = """(nodes, [most, height]) => nodes.filter(node => {
  const range = document.createRange();
  range.selectNodeContents(node);
  const {top, bottom} = range.getBoundingClientRect();
  const line = parseFloat(getComputedStyle(node).lineHeight);
  return node.checkVisibility() && top < height && bottom - top > (most + 0.5) * line;
}).map(node => node.innerText)"""
SIZES = "nodes => nodes.map(node => parseFloat(getComputedStyle(node).fontSize))"
MAIN = "[data-testid=stMain]"  # the sidebar has a picture too
SENTENCE = f"{MAIN} h2"
STAGE, SCALE, NOTE = ".bs-stage", ".bs-ends", ".bs-note"
CHART, KEYS = "[data-testid=stPlotlyChart]", ".legendtext"
IMAGE, GRID, TABLE = "[data-testid=stImage] img", ".bs-pictures", "[data-testid=stDataFrame]"
UNDER = "[data-testid=stImageCaption]"
CAPTION, MARKS = (
    "[data-testid=stCaptionContainer]",
    "[data-testid=stCaptionContainer]:has-text('≠')",
)
REGIONS = f"{MAIN} {CAPTION}:has-text(' regions (')"  # of Minimal regions, below its picture
CHECKBOX, BUTTONS = "[data-testid=stCheckbox]", "[data-testid=stButtonGroup]"
TEXTS = f"{MAIN} :is({CAPTION} p, {NOTE})"
CONTROLS = [
    "stSelectbox", "stMultiSelect", "stSlider", "stNumberInput", "stTextInput", "stButtonGroup",
    "stRadio", "stCheckbox", "stFileUploader", "stPopover", "stExpander", "stButton",
    "stLinkButton",
]  # fmt: skip
OUTSIDE = ".st-key-jobs, .st-key-lab-part"  # the header, and the tabs of Data and models
BEFORE = f"""(nodes, top) => nodes.filter(node => !node.closest('{OUTSIDE}')
  && node.checkVisibility() && ({EDGES})(node).top < top).map(node => node.innerText)"""


@dataclass(frozen=True)
class FirstScreen:
    """What stands in the first screen of a view, as selectors within the page.

    Args:
        address: of the view.
        picture: what makes the point.
        legend: how to read it.
        trust: what it rests on.
        control: the first of those that matter, beside or below.
        pictures: how many stand side by side, each with legend and trust line.
        least: px of the width of each in a window of 1280 px.
    """

    address: str
    picture: str
    legend: str
    trust: str
    control: str
    pictures: int = 1
    least: int = 280


SCREENS = [
    FirstScreen("heatmaps", STAGE, SCALE, NOTE, CHECKBOX, pictures=2, least=400),
    FirstScreen("which-explanation", STAGE, SCALE, NOTE, BUTTONS, pictures=2, least=400),
    FirstScreen("robustness", GRID, CAPTION, "small", "[data-testid=stSlider]", least=800),
    FirstScreen("tilted-boundary", GRID, CAPTION, "small", "[data-testid=stSlider]", least=800),
    FirstScreen(
        "attribution-experiments", CHART, KEYS, "li", "[data-testid=stExpander]", least=600
    ),
    FirstScreen("level-sets", ".bp-frame", ".bp-scale", ".bp-says", ".st-key-levels-view"),
    FirstScreen("prune", STAGE, SCALE, NOTE, ".st-key-prune-ratio", pictures=2),
    FirstScreen("tickets", CHART, KEYS, CAPTION, ".st-key-tickets-level", least=400),
    FirstScreen("forget", CHART, KEYS, CAPTION, ".st-key-forget-what", least=400),
    FirstScreen("judge-a-model", "table", "th", CAPTION, "[data-testid=stFileUploader]", least=800),
    FirstScreen("unlearning-experiments", GRID, CAPTION, "li", "[data-testid=stSlider]", least=800),
    FirstScreen(
        "concepts", IMAGE, f"{CAPTION}:has-text('Thick blue')", ".word", "[data-testid=stSlider]"
    ),
    FirstScreen("generator", GRID, CAPTION, "small", BUTTONS, least=400),
    FirstScreen("prototypes", CHART, KEYS, CAPTION, BUTTONS, least=400),
    FirstScreen(
        "prototypes?prototypes.reasoning=Old%20CBC%20(indefinite)",
        CHART,
        KEYS,
        CAPTION,
        BUTTONS,
        least=400,
    ),
    FirstScreen("certificates", CHART, CAPTION, UNDER, BUTTONS),
    FirstScreen("slides", STAGE, SCALE, NOTE, BUTTONS, pictures=3),
    FirstScreen("protect-data", GRID, CAPTION, f"{CAPTION} >> nth=1", BUTTONS, least=800),
    FirstScreen("decoding", IMAGE, MARKS, ".word", ".st-key-decoding-ask"),
    FirstScreen("benchmarks", CHART, KEYS, CAPTION, ".st-key-benchmarks-decodings", least=400),
    FirstScreen(
        "inside", IMAGE, f"{CAPTION}:has-text('Thick blue')", ".word", ".st-key-inside-told"
    ),
    FirstScreen("before-and-after", IMAGE, UNDER, UNDER, ".st-key-beaf-fade", pictures=2),
    FirstScreen(
        "data-and-models", f"{IMAGE} >> nth=-1", "strong", CAPTION, ".st-key-lab-show", least=180
    ),
    FirstScreen(
        "data-and-models?lab.part=Models", TABLE, CAPTION, "h2", ".st-key-lab-model", least=800
    ),
    FirstScreen(
        "data-and-models?lab.part=Train",
        f"{IMAGE} >> nth=-1",
        "strong",
        f"{CAPTION}:has-text('epochs, seed')",
        ".st-key-lab-training-Train-go",
        least=180,
    ),
    FirstScreen("sweep", ".thumbs", f"{CAPTION}:has-text('color scale')", ".thumb .note", BUTTONS),
    FirstScreen("where-odd", STAGE, SCALE, NOTE, ".st-key-where-normal", least=400),
    FirstScreen(
        "confusion-or-ignorance",
        CHART,
        ".xtitle",
        f"{CAPTION}:has-text('rejected above')",
        ".st-key-doubt-toward",
        least=480,
    ),
    FirstScreen(
        "hallucination-experiments", GRID, CAPTION, "li", "[data-testid=stExpander]", least=800
    ),
    FirstScreen("anomaly-experiments", GRID, CAPTION, "li", "[data-testid=stExpander]", least=800),
    FirstScreen("sparsity-experiments", GRID, CAPTION, "li", "[data-testid=stExpander]", least=600),
    FirstScreen("stories", IMAGE, CAPTION, "strong", "[data-testid=stLinkButton]"),
]
PARTS = [one for one in SCREENS if "?" in one.address]


def opened(open_page: OpenPage, url: str) -> Page:
    """A page in the window of a desk, once its answers are there.

    Between two looks at how far they are, it is idle.
    """
    page = open_page(viewport=SCREEN)
    page.goto(url)
    settle(page, 240)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0, timeout=240_000)
    settle(page, 240)
    return page


def resize(page: Page, window: dict[str, int]) -> None:
    """The same page in another window: what decides where things stand is CSS."""
    if page.viewport_size != window:
        page.set_viewport_size(window)
        settle(page)


def edges(page: Page, what: str, at: int = 0) -> dict[str, float]:
    """Where something stands from the top of the page, in px."""
    found: dict[str, float] = page.locator(what).nth(at).evaluate(EDGES)
    return found


def in_order(page: Page, one: FirstScreen, window: dict[str, int]) -> None:
    """Sentence, pictures with legend and trust line within the screen, and nothing before them."""
    wide = window != PHONE
    height = window["height"] if wide else 2 * window["height"]
    sentence = edges(page, SENTENCE)
    for at in range(one.pictures if wide else 1):
        picture, legend, trust = (
            edges(page, f"{MAIN} {what}", at) for what in (one.picture, one.legend, one.trust)
        )
        assert sentence["bottom"] <= picture["top"]
        assert max(picture["bottom"], legend["bottom"], trust["bottom"]) <= height
        assert picture["width"] >= (one.least if wide else 0)
    assert edges(page, f"{MAIN} {one.control}")["top"] >= sentence["bottom"]
    controls = page.locator(
        f"{MAIN} :is({', '.join(f'[data-testid={name}]' for name in CONTROLS)})"
    )
    assert controls.evaluate_all(BEFORE, sentence["bottom"]) == []
    assert page.locator(TEXTS).evaluate_all(LONG, [MOST, window["height"]]) == []
    most = MOST if wide else NARROW
    assert page.locator(SENTENCE).evaluate_all(LONG, [most, window["height"]]) == []


def check_screen(page: Page, one: FirstScreen) -> None:
    """On a desk, a projector and a telephone."""
    for window, _ in WINDOWS:
        resize(page, window)
        in_order(page, one, window)
        if window == PROJECTOR:
            assert min(page.locator(TEXTS).evaluate_all(SIZES)) >= READABLE
    if one.legend == MARKS:
        not_longer(page, MARKS, MOST)


@pytest.mark.parametrize("one", PARTS, ids=lambda one: one.address)
def test_the_answer_of_a_part_comes_first_on_a_desk_a_projector_and_a_telephone(
    app_url: str, open_page: OpenPage, one: FirstScreen
) -> None:
    check_screen(opened(open_page, f"{app_url}/{one.address}"), one)


def not_longer(page: Page, what: str, most: int) -> None:
    """All that is said there has at most so many lines."""
    expect(page.locator(what).first).to_be_visible()
    assert page.locator(f"{what} p").evaluate_all(LONG, [most, 10_000]) == []


def check_regions(page: Page) -> None:
    """The regions stand there with what is said of them."""
    for (window, screens), wide in zip(WINDOWS, (400, 560, 280), strict=True):
        resize(page, window)
        drawn, said = edges(page, f"{MAIN} {IMAGE}"), edges(page, REGIONS)
        assert edges(page, SENTENCE)["bottom"] <= drawn["top"]
        assert drawn["width"] >= wide
        assert drawn["bottom"] <= screens * window["height"]
        assert drawn["bottom"] < said["bottom"]
        assert window == PHONE or said["bottom"] <= window["height"]
        not_longer(page, REGIONS, MOST)
        hint = page.get_by_test_id("stSidebar").locator(".bs-hint")
        assert hint.evaluate_all(LONG, [MOST, window["height"]]) == []


CARD, SAYS = f"{MAIN} [class*=st-key-start-card-]", "It says Egyptian cat"


def check_start(page: Page) -> None:
    """The image with its answer and six cards stand there, or in two of a telephone."""
    not_longer(page, CARD, 3)
    for window in (SCREEN, PROJECTOR):
        resize(page, window)
        expect(page.get_by_text(SAYS)).to_be_visible()
        expect(page.locator(CARD)).to_have_count(6)
        cards = [edges(page, CARD, at) for at in range(6)]
        assert all(one["bottom"] <= window["height"] for one in cards)
        assert all(one["width"] >= 240 for one in cards)
        for at in range(6):
            inside = page.locator(CARD).nth(at)
            assert inside.evaluate("node => node.scrollWidth <= node.clientWidth")
            expect(inside.get_by_role("button", name="Open ")).to_be_visible()
        assert page.locator(TEXTS).evaluate_all(LONG, [MOST, window["height"]]) == []
        expect(page.get_by_test_id("stSidebar")).not_to_be_visible()

    resize(page, PHONE)
    expect(page.get_by_text(SAYS)).to_be_visible()
    assert edges(page, f"{MAIN} .thumbs")["top"] <= PHONE["height"]
    assert edges(page, CARD)["bottom"] <= 2 * PHONE["height"]
    assert page.locator(TEXTS).evaluate_all(LONG, [MOST, PHONE["height"]]) == []


def check_trained(page: Page) -> None:
    """A trained network's figures and curves stand there; see test_lab.py."""
    expect(page.locator(SENTENCE).first).to_contain_text("of the test images right")
    one = FirstScreen(
        "",
        CHART,
        KEYS,
        f"{CAPTION}:has-text('images to learn from')",
        ".st-key-lab-recipe-architecture",
        least=270,
    )
    for window, _ in reversed(WINDOWS):  # ends on the desk, where the journey goes on
        resize(page, window)
        in_order(page, one, window)


MAPS, ENDS = ".bs-map > img:first-child", ".bs-map figcaption"


def check_tray(page: Page) -> None:
    """How far two pinned maps agree and both maps stand there; see test_tray.py."""
    expect(page.locator(SENTENCE).first).to_contain_text("(rank correlation ")
    scale = f"{CAPTION}:has-text('scale.') >> nth=0"
    for window, _ in reversed(WINDOWS):
        resize(page, window)
        for at in (0, 1):
            one = FirstScreen(
                "",
                f"{MAPS} >> nth={at}",
                f"{ENDS} >> nth={at}",
                scale,
                ".st-key-report-compare-Left",
                least=400,
            )
            in_order(page, one, window)


RANKING, METHODS = f"{MAIN} table", f"{MAIN} [data-testid=stButtonGroup]"


def check_study(page: Page) -> None:
    """The ranking stands there, and its images in the sidebar."""
    said = f"{MAIN} {CAPTION}:has-text('↑')"
    not_longer(page, said, MOST)
    for window, screens in reversed(WINDOWS):  # ends on the desk, whose evidence is below
        resize(page, window)
        table = edges(page, RANKING)
        assert edges(page, SENTENCE)["bottom"] <= table["top"]
        assert table["width"] >= 280
        assert table["bottom"] <= screens * window["height"]
        if window != PHONE:
            assert table["bottom"] < edges(page, f"{said} p")["bottom"] <= window["height"]
    methods, evidence = edges(page, METHODS), edges(page, f"{MAIN} [data-testid=stPlotlyChart]")
    assert table["bottom"] < methods["top"] < evidence["top"]
    sidebar = page.get_by_test_id("stSidebar")
    expect(sidebar.get_by_role("radio", name="Scenes")).to_be_visible()
    expect(sidebar.get_by_text("model: Things in scenes")).to_be_visible()


# ---------------------------------------------------------------- Ask and Familiar?

QUESTION_IMAGE = f"{MAIN} [data-testid=stImage] img"  # what Ask asks about
ANSWERED = f"{MAIN} [role=group][aria-label^='The answer: ']"
HISTOGRAM, COUNTS = f"{MAIN} .bs-histogram > svg", f"{MAIN} .bs-counts"


def check_ask(page: Page) -> None:
    """What the model says, its truth and the image stand there."""
    expect(page.locator(SENTENCE).first).to_contain_text("Wrong. There is no lamp in this scene.")
    for (window, screens), wide in zip(WINDOWS, (400, 480, 280), strict=True):
        resize(page, window)
        sentence, image, said = (edges(page, what) for what in (SENTENCE, QUESTION_IMAGE, ANSWERED))
        assert sentence["bottom"] <= image["top"]
        assert image["width"] >= wide
        last = page.get_by_text("TinyVLM, habit of seeing says").evaluate(EDGES)  # other models
        bottom = max(image["bottom"], said["bottom"], last["bottom"])
        assert bottom <= screens * window["height"]
        expect(page.get_by_text("How sure:")).to_be_visible()
        assert edges(page, f"{MAIN} [data-testid=stButtonGroup]")["top"] > last["bottom"]


def check_verdict(page: Page) -> None:
    """The verdict, the scores and what the line does stand there; see test_familiar.py."""
    expect(page.get_by_role("heading", name="(p = ")).to_be_visible()
    for window, screens in reversed(WINDOWS):
        resize(page, window)
        sentence, drawn, counts = (edges(page, what) for what in (SENTENCE, HISTOGRAM, COUNTS))
        assert sentence["bottom"] <= edges(page, f"{MAIN} .bs-legend")["top"] < drawn["top"]
        assert drawn["width"] >= min(800, window["width"] - 64)
        assert drawn["bottom"] < edges(page, f"{MAIN} .bs-title")["bottom"] <= counts["top"]
        expect(page.locator(f"{MAIN} .bs-title")).to_contain_text("score (logit)")
        assert counts["bottom"] <= screens * window["height"]
        assert edges(page, f"{MAIN} [data-testid=stButtonGroup]")["top"] > counts["bottom"]


def check_familiar(page: Page) -> None:
    """Without a verdict the score and its parts stand there."""
    expect(page.locator(SENTENCE).first).to_contain_text("Too few normal images for a verdict")
    parts = page.locator(f"{MAIN} {CAPTION}").filter(has_text="The bars add up to the score")
    for window, screens in WINDOWS:
        resize(page, window)
        drawn, finding = edges(page, f"{MAIN} {CHART}"), parts.evaluate(EDGES)
        assert edges(page, SENTENCE)["bottom"] <= drawn["top"]
        assert drawn["bottom"] <= finding["top"]
        assert finding["bottom"] <= screens * window["height"]
        assert edges(page, f"{MAIN} [data-testid=stButtonGroup]")["top"] > finding["bottom"]


FIRST: dict[str, Callable[[Page], None]] = {
    "": check_start,
    "minimal-regions": check_regions,
    "study": check_study,
    "ask": check_ask,
    "familiar": check_familiar,
    **{one.address: partial(check_screen, one=one) for one in SCREENS if one not in PARTS},
}
"""What stands there as a view opens, by its address; test_accessibility.py opens every view."""


def test_every_check_is_of_a_view() -> None:
    assert FIRST.keys() <= {view.address for view in VIEWS}
