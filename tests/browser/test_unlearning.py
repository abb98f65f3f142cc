"""Views of unlearning: the scoreboard, experiments, the generator, and the hardest images."""

import re
from urllib.parse import quote_plus, urlencode

import pytest
from playwright.sync_api import Locator, Page

from engine.unlearning import ProtectedShare, ProtectImage, ProtectionVictims, RandomNoiseOnImage
from engine.unlearning.cuda.experiment import CudaExperiment
from engine.unlearning.diagnostics.klom import nats
from tests.browser.conftest import Visit
from tests.browser.expecting import LONG, expect
from tests.browser.server import choose, eventually, settle

FADES = "node => getComputedStyle(node).getPropertyValue('--more')"


def test_a_mark_is_clicked_and_on_a_telephone_a_wide_table_fades_where_there_is_more(
    visit: Visit,
) -> None:
    page = visit("forget")
    page.get_by_role("radio", name="Each image", exact=True).click()
    settle(page)
    mark = page.locator(".scatterlayer .trace.scatter .points path").nth(40)
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    assert box is not None
    large = page.get_by_text(re.compile("^Image \\d+, labeled 3$")).last
    first = large.inner_text()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(large).not_to_have_text(first, timeout=LONG)
    settle(page)

    page.set_viewport_size({"width": 390, "height": 844})
    board = page.locator("[data-testid=stMain] [aria-label=Scoreboard]")
    eventually(lambda: board.evaluate(FADES), lambda width: width != "0px")
    assert board.evaluate("node => node.scrollWidth > node.clientWidth")
    board.evaluate("node => node.scrollTo(node.scrollWidth, 0)")
    eventually(lambda: board.evaluate(FADES), lambda width: width == "0px")
    page.set_viewport_size({"width": 1900, "height": 900})
    eventually(lambda: board.evaluate(FADES), lambda width: width == "0px")


def onward(page: Page, title: str) -> None:
    """Press it once it names the experiment, and see that."""
    link = page.get_by_role("link", name=re.compile("^Does it work"))
    expect(link).to_have_attribute("href", re.compile(re.escape(quote_plus(title))))
    link.click()
    settle(page)
    expect(page.get_by_role("radio", name=title)).to_be_checked()


def protect_by(page: Page, method: str) -> None:
    """To Protect data by the menu, and choose a method there."""
    page.locator("[data-testid=stTopNavSection]", has_text="Unlearning").click()
    page.get_by_role("menuitem", name="Protect data").click()
    settle(page)
    page.get_by_role("radio", name=method, exact=True).click()
    settle(page)


def back(page: Page) -> None:
    """To Protect data, as the browser's button goes: over what was chosen in between."""
    for _ in range(5):
        page.go_back()
        settle(page)
        if "/protect-data" in page.url:
            return
    raise AssertionError(page.url)


@pytest.mark.timeout(900)
def test_does_it_work_opens_the_experiment_that_it_names_each_time(visit: Visit) -> None:
    page = visit("protect-data")
    onward(page, CudaExperiment.title)
    protect_by(page, RandomNoiseOnImage.short)
    onward(page, ProtectionVictims.title)  # beside a page that was drawn only once
    protect_by(page, ProtectImage.short)
    onward(page, CudaExperiment.title)  # the one that the page begins with
    page.locator("[data-testid=stSidebar]").get_by_text(ProtectedShare.title).click()
    settle(page)
    expect(page.get_by_role("radio", name=ProtectedShare.title)).to_be_checked()
    back(page)
    onward(page, CudaExperiment.title)


FEW_STEPS = {  # so that it takes seconds
    f"generator.GeneratorSalUn.{name}": count
    for name, count in {"steps": 60, "each": 6, "passes": 10}.items()
}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_three_is_forgotten_and_the_sheet_says_so(visit: Visit) -> None:
    page = visit("generator", FEW_STEPS)
    page.get_by_role("button", name="Forget the 3").click()
    heading = page.get_by_role("heading", name=re.compile(r"^Asked for 3, \d+ % are read as 3"))
    expect(heading).to_be_visible(timeout=LONG)
    settle(page)
    sheet = page.get_by_role("figure", name=re.compile("^Of 6 asked for as 3, read as 3: "))
    expect(sheet.get_by_role("columnheader")).to_have_text(["before", "after SalUn", "chance mask"])
    rows = sheet.get_by_role("rowheader")
    expect(rows).to_have_count(10)
    expect(rows.first).to_have_text("asked for 3")
    first = sheet.get_by_role("row").nth(1).locator("small")
    expect(first.nth(0)).to_have_text(re.compile(r"^[56] of 6 read as 3"))
    expect(first.nth(1)).to_have_text(re.compile(r"^[01] of 6 read as 3"))
    sentence = heading.inner_text()
    right = int(re.match(r"Asked for 3, (\d+) %", sentence).group(1))  # type: ignore[union-attr]
    assert first.nth(1).inner_text().startswith(f"{round(6 * right / 100)} of 6")


WAYS = ("Gradient ascent", "SalUn", "Selective synaptic dampening")
IMAGE = re.compile(r"^Image \d+, labeled \d$")
BRIEF = {  # a model that learns in two epochs, so that KLoM's eighty networks do
    "lab.part": "Train",
    "lab.recipe.architecture": "mlp",
    "lab.recipe.epochs": "2",
    "lab.seed": "24",
}
FORGET_LINK = {
    "forget.what": "hardest images",
    "forget.ways": WAYS,
    "forget.way": WAYS[0],
    "forget.GA.epochs": "1",
    "forget.KLoM.images": "10",
}


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=re.compile(f"^{name}")).last.click()
    settle(page)


def press_highest(page: Page, chart: Locator, curve: int) -> float:
    """The mark at the right end of a curve, counted as they are drawn; gives its value."""
    mark = chart.locator(".scatterlayer .trace.scatter").nth(curve).locator(".points path").last
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    value: float = chart.evaluate("(it, curve) => it.calcdata[curve].at(-1).y", curve)
    return value


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_hard_images_are_forgotten_by_three_ways_and_one_s_margins_are_seen(
    app_url: str, visit: Visit
) -> None:
    page = visit("data-and-models", BRIEF)
    press(page, "Train")
    expect(page.get_by_text("Kept as a model: Digits, 8 × 8 · MLP")).to_be_visible()
    page.goto(f"{app_url}/forget?{urlencode(FORGET_LINK, doseq=True)}")
    settle(page)
    choose(page, "Model", re.compile("^Digits, 8 × 8 · MLP"))
    settle(page)
    press(page, "Find the hardest images")
    press(page, "Forget")
    board = page.get_by_role("region", name="Scoreboard")
    expect(board.get_by_role("row")).to_have_count(6, timeout=LONG)
    for way in WAYS:
        expect(board).to_contain_text(way)

    page.get_by_role("radio", name="KLoM", exact=True).click()
    settle(page)
    press(page, "Train models and compare")
    image, finding = page.get_by_text(IMAGE).last, page.get_by_text(re.compile("^Mean margin"))
    expect(image).to_be_visible(timeout=LONG)
    settle(page)
    charts = page.locator(".js-plotly-plot")
    margins = charts.filter(has_text="margin of its label")
    stays = charts.filter(has_text="images, by their KLoM").nth(1)
    for curve, words in ((2, "noise {}."), (0, "before {}, noise")):
        was = image.inner_text()
        value = press_highest(page, stays, curve)
        expect(finding).to_contain_text(words.format(nats(value)), timeout=LONG)
        settle(page)
        expect(image).not_to_have_text(was)
        expect(margins.locator(".barlayer .trace.bars")).to_have_count(3)
        expect(margins.locator("g.legend text.legendtext")).to_have_text(
            ["before", "after", "never saw it"]
        )
