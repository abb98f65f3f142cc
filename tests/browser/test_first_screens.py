"""What a person sees before scrolling: one order, the same on every view.

The answer as a sentence, one large picture, how to read it and what it rests on, then controls.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from playwright.sync_api import Page

from components.views import VIEWS
from tests.browser.expecting import expect
from tests.browser.server import settle

SCREEN, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PROJECTOR = {"width": 1920, "height": 1080}
HALF = {"width": 800, "height": 844}  # of a screen, beside the sidebar
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
SPARE = """() => [document.documentElement, document.querySelector('[data-testid=stMain]')]
  .map(node => Math.max(0, node.scrollWidth - node.clientWidth))"""
MAIN = "[data-testid=stMain]"  # the sidebar has a picture too
SENTENCE = f"{MAIN} h2"
STAGE, SCALE, NOTE = ".bs-stage", ".bs-ends", ".bs-note"
CHART, KEYS = "[data-testid=stPlotlyChart]", ".legendtext"
IMAGE, GRID, TABLE = "[data-testid=stImage] img", ".bs-pictures", "[data-testid=stDataFrame]"
UNDER = "[data-testid=stImageCaption]"
CAPTION = "[data-testid=stCaptionContainer]"
MARKS = f"{CAPTION}:has-text('≠')"
THICK = f"{CAPTION}:has-text('Thick blue')"
REGIONS = f"{MAIN} {CAPTION}:has-text(' regions (')"  # of Minimal regions, below its picture
CHECKBOX, BUTTONS = "[data-testid=stCheckbox]", "[data-testid=stButtonGroup]"
SLIDER, EXPANDER = "[data-testid=stSlider]", "[data-testid=stExpander]"
TEXTS = f"{MAIN} :is({CAPTION} p, {NOTE})"
CONTROLS = ("Selectbox", "MultiSelect", "Slider", "NumberInput", "TextInput", "ButtonGroup")
CONTROLS += ("Radio", "Checkbox", "FileUploader", "Popover", "Expander", "Button", "LinkButton")
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
        part: the word that opens it, where the view does not begin with it.
    """

    address: str
    picture: str
    legend: str
    trust: str
    control: str
    pictures: int = 1
    least: int = 280
    part: str = ""


SCREENS = [
    FirstScreen("heatmaps", STAGE, SCALE, NOTE, CHECKBOX, pictures=2, least=400),
    FirstScreen("which-explanation", STAGE, SCALE, NOTE, BUTTONS, pictures=2, least=400),
    FirstScreen("robustness", GRID, CAPTION, "small", SLIDER, least=800),
    FirstScreen("tilted-boundary", GRID, CAPTION, "small", SLIDER, least=800),
    FirstScreen("attribution-experiments", CHART, KEYS, "li", EXPANDER, least=600),
    FirstScreen("level-sets", ".bp-frame", ".bp-scale", ".bp-says", ".st-key-levels-view"),
    FirstScreen("prune", STAGE, SCALE, NOTE, ".st-key-prune-ratio", pictures=2),
    FirstScreen("tickets", CHART, KEYS, CAPTION, ".st-key-tickets-level", least=400),
    FirstScreen("forget", CHART, KEYS, CAPTION, ".st-key-forget-what", least=400),
    FirstScreen("judge-a-model", "table", "th", CAPTION, "[data-testid=stFileUploader]", least=800),
    FirstScreen("unlearning-experiments", GRID, CAPTION, "li", SLIDER, least=800),
    FirstScreen("concepts", IMAGE, THICK, ".word", SLIDER),
    FirstScreen("generator", GRID, CAPTION, "small", BUTTONS, least=400),
    FirstScreen("prototypes", CHART, KEYS, CAPTION, BUTTONS, least=400),
    FirstScreen(
        "prototypes", CHART, KEYS, CAPTION, BUTTONS, least=400, part="Old CBC (indefinite)"
    ),
    FirstScreen("certificates", CHART, CAPTION, UNDER, BUTTONS),
    FirstScreen("slides", STAGE, SCALE, NOTE, BUTTONS, pictures=3),
    FirstScreen("protect-data", GRID, CAPTION, f"{CAPTION} >> nth=1", BUTTONS, least=800),
    FirstScreen("decoding", IMAGE, MARKS, ".word", ".st-key-decoding-ask"),
    FirstScreen("benchmarks", CHART, KEYS, CAPTION, ".st-key-benchmarks-decodings", least=400),
    FirstScreen("inside", IMAGE, THICK, ".word", ".st-key-inside-told"),
    FirstScreen("before-and-after", IMAGE, UNDER, UNDER, ".st-key-beaf-fade", pictures=2),
    FirstScreen(
        "data-and-models", f"{IMAGE} >> nth=-1", "strong", CAPTION, ".st-key-lab-show", least=180
    ),
    FirstScreen(
        "data-and-models", TABLE, CAPTION, "h2", ".st-key-lab-model", least=800, part="Models"
    ),
    FirstScreen(
        "data-and-models",
        f"{IMAGE} >> nth=-1",
        "strong",
        f"{CAPTION}:has-text('epochs, seed')",
        ".st-key-lab-training-Train-go",
        least=180,
        part="Train",
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
    FirstScreen("hallucination-experiments", GRID, CAPTION, "li", EXPANDER, least=800),
    FirstScreen("anomaly-experiments", GRID, CAPTION, "li", EXPANDER, least=800),
    FirstScreen("sparsity-experiments", GRID, CAPTION, "li", EXPANDER, least=600),
    FirstScreen("stories", IMAGE, CAPTION, "strong", "[data-testid=stLinkButton]"),
]


def resize(page: Page, window: dict[str, int]) -> None:
    if page.viewport_size != window:
        page.set_viewport_size(window)
        settle(page)
    if window == PHONE:
        assert page.evaluate(SPARE) == [0, 0]


def windows(page: Page) -> Iterator[tuple[dict[str, int], int]]:
    """The page in each window, with the screens that the answer may fill; from a desk to a desk.

    It begins with the window that it has and ends with the other wide one: each is another drawing.
    """
    first, last = (PROJECTOR, SCREEN) if page.viewport_size == PROJECTOR else (SCREEN, PROJECTOR)
    for window, screens in ((first, 1), (PHONE, 2), (last, 1)):
        resize(page, window)
        yield window, screens


def edges(page: Page, what: str, at: int = 0) -> dict[str, float]:
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
    names = ", ".join(f"[data-testid=st{name}]" for name in CONTROLS)
    controls = page.locator(f"{MAIN} :is({names})")
    assert controls.evaluate_all(BEFORE, sentence["bottom"]) == []
    assert page.locator(TEXTS).evaluate_all(LONG, [MOST, window["height"]]) == []
    most = MOST if wide else NARROW
    assert page.locator(SENTENCE).evaluate_all(LONG, [most, window["height"]]) == []


def check_screen(page: Page, one: FirstScreen) -> None:
    """On a desk, a projector and a telephone."""
    for window, _ in windows(page):
        in_order(page, one, window)
        if window == PROJECTOR:
            assert min(page.locator(TEXTS).evaluate_all(SIZES)) >= READABLE
    if one.legend == MARKS:
        not_longer(page, MARKS, MOST)


def check_parts(page: Page, screens: Sequence[FirstScreen]) -> None:
    """A view whose parts are opened by a word each; the first is open."""
    for one in screens:
        if one.part:
            page.get_by_test_id("stMain").get_by_role("radio", name=one.part, exact=True).click()
            settle(page)
        check_screen(page, one)


def not_longer(page: Page, what: str, most: int) -> None:
    expect(page.locator(what).first).to_be_visible()
    assert page.locator(f"{what} p").evaluate_all(LONG, [most, 10_000]) == []


def check_regions(page: Page) -> None:
    for window, screens in windows(page):
        wide = {390: 280, 1280: 400, 1920: 560}[window["width"]]
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
    not_longer(page, CARD, 3)
    for window, screens in windows(page):
        expect(page.get_by_text(SAYS)).to_be_visible()
        assert page.locator(TEXTS).evaluate_all(LONG, [MOST, window["height"]]) == []
        if window == PHONE:
            assert edges(page, f"{MAIN} .thumbs")["top"] <= PHONE["height"]
            assert edges(page, CARD)["bottom"] <= screens * PHONE["height"]
            continue
        expect(page.locator(CARD)).to_have_count(6)
        cards = [edges(page, CARD, at) for at in range(6)]
        assert all(one["bottom"] <= window["height"] for one in cards)
        assert all(one["width"] >= 240 for one in cards)
        for at in range(6):
            inside = page.locator(CARD).nth(at)
            assert inside.evaluate("node => node.scrollWidth <= node.clientWidth")
            expect(inside.get_by_role("button", name="Open ")).to_be_visible()
        expect(page.get_by_test_id("stSidebar")).not_to_be_visible()


def check_trained(page: Page) -> None:
    """A trained network's figures and curves stand there; see test_lab.py."""
    expect(page.locator(SENTENCE).first).to_contain_text("of the test images right")
    trust, control = (
        f"{CAPTION}:has-text('images to learn from')",
        ".st-key-lab-recipe-architecture",
    )
    for window, _ in windows(page):
        in_order(page, FirstScreen("", CHART, KEYS, trust, control, least=270), window)


MAPS, ENDS = ".bs-map > img:first-child", ".bs-map figcaption"


def check_tray(page: Page) -> None:
    """How far two pinned maps agree and both maps stand there; see test_tray.py."""
    expect(page.locator(SENTENCE).first).to_contain_text("(rank correlation ")
    scale = f"{CAPTION}:has-text('scale.') >> nth=0"
    for window, _ in windows(page):
        for at in (0, 1):
            picture, legend = f"{MAPS} >> nth={at}", f"{ENDS} >> nth={at}"
            one = FirstScreen("", picture, legend, scale, ".st-key-report-compare-Left", least=400)
            in_order(page, one, window)


RANKING, METHODS = f"{MAIN} table", f"{MAIN} [data-testid=stButtonGroup]"


def check_study(page: Page) -> None:
    said = f"{MAIN} {CAPTION}:has-text('↑')"
    not_longer(page, said, MOST)
    for window, screens in windows(page):  # ends on a desk, whose evidence is below
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


WORD = 48  # px that a button's word takes with the room around it
LINES = """nodes => nodes.map(node => {
  const range = document.createRange();
  range.selectNodeContents(node);
  return range.getClientRects().length;
})"""
QUESTION_IMAGE = f"{MAIN} [data-testid=stImage] img"  # what Ask asks about
ANSWERED = f"{MAIN} [role=group][aria-label^='The answer: ']"
HISTOGRAM, COUNTS = f"{MAIN} .bs-histogram > svg", f"{MAIN} .bs-counts"


def check_ask(page: Page) -> None:
    expect(page.locator(SENTENCE).first).to_contain_text("Wrong. There is no lamp in this scene.")
    for window, screens in windows(page):
        wide = {390: 280, 1280: 400, 1920: 480}[window["width"]]
        sentence, image, said = (edges(page, what) for what in (SENTENCE, QUESTION_IMAGE, ANSWERED))
        assert sentence["bottom"] <= image["top"]
        assert image["width"] >= wide
        last = page.get_by_text("TinyVLM, habit of seeing says").evaluate(EDGES)  # other models
        assert max(image["bottom"], said["bottom"], last["bottom"]) <= screens * window["height"]
        expect(page.get_by_text("How sure:")).to_be_visible()
        assert edges(page, f"{MAIN} [data-testid=stButtonGroup]")["top"] > last["bottom"]


def check_verdict(page: Page) -> None:
    expect(page.get_by_role("heading", name="(p = ")).to_be_visible()
    for window, screens in windows(page):
        sentence, drawn, counts = (edges(page, what) for what in (SENTENCE, HISTOGRAM, COUNTS))
        assert sentence["bottom"] <= edges(page, f"{MAIN} .bs-legend")["top"] < drawn["top"]
        assert drawn["width"] >= min(800, window["width"] - 64)
        assert drawn["bottom"] < edges(page, f"{MAIN} .bs-title")["bottom"] <= counts["top"]
        expect(page.locator(f"{MAIN} .bs-title")).to_contain_text("score (logit)")
        assert counts["bottom"] <= screens * window["height"]
        assert edges(page, f"{MAIN} [data-testid=stButtonGroup]")["top"] > counts["bottom"]


def check_familiar(page: Page) -> None:
    """Without a verdict the score and its parts stand there; names of pictures stay whole."""
    expect(page.locator(SENTENCE).first).to_contain_text("Too few normal images for a verdict")
    parts = page.locator(f"{MAIN} {CAPTION}").filter(has_text="The bars add up to the score")
    for window, screens in windows(page):
        drawn, finding = edges(page, f"{MAIN} {CHART}"), parts.evaluate(EDGES)
        assert edges(page, SENTENCE)["bottom"] <= drawn["top"]
        assert drawn["bottom"] <= finding["top"]
        assert finding["bottom"] <= screens * window["height"]
        assert edges(page, f"{MAIN} [data-testid=stButtonGroup]")["top"] > finding["bottom"]
    last = page.viewport_size or SCREEN
    for window in (PHONE, HALF, last):
        resize(page, window)
        names = page.locator(".bs-pictures thead th").filter(has_text="photograph")
        assert set(names.evaluate_all(LINES)) == {1}
        box = page.get_by_role("button", name="PNG", exact=True).bounding_box()
        assert box is not None
        assert box["width"] >= WORD


FIRST: dict[str, Callable[[Page], None]] = {
    "": check_start,
    "minimal-regions": check_regions,
    "study": check_study,
    "ask": check_ask,
    "familiar": check_familiar,
    **{
        address: partial(check_parts, screens=tuple(screens))
        for address, screens in groupby(SCREENS, lambda one: one.address)
    },
}
"""What stands there as a view opens, by its address; test_accessibility.py opens every view."""


def test_every_check_is_of_a_view() -> None:
    assert FIRST.keys() <= {view.address for view in VIEWS}
