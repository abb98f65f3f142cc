"""Views of attribution: networks mixed, regions, a map of one's own, matrices, trials, a slide."""

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page

from engine.vision.data.phantoms import Phantoms
from engine.vision.data.whole_slide import made_slide
from tests.browser.conftest import OpenPage, Visit
from tests.browser.dragging import closer_up, dragged
from tests.browser.expecting import LONG, expect
from tests.browser.phantom_files import give, slices, volumes
from tests.browser.server import choose, settle

DIGIT = {"image": "From a data set", "data": "Digits, 8 × 8", "model": "Digits CNN"}
COARSE = {"minimal.shape": "grid", "minimal.regions": "16"}


@pytest.mark.slow
def test_a_digit_is_searched_stepped_through_and_asked_as_if_it_were_another(visit: Visit) -> None:
    page = visit("minimal-regions", DIGIT | COARSE)
    expect(page.get_by_text(re.compile("forward passes; the plain greedy search"))).to_be_visible()
    expect(page.get_by_text(re.compile("of 5 random orders"))).to_be_visible()
    page.get_by_role("slider", name="Regions shown").focus()
    page.keyboard.press("Home")
    status = page.get_by_text(re.compile("^[0-9]+ of 16 regions"))
    expect(status).to_contain_text("0 of 16 regions (0 %)")
    page.keyboard.press("ArrowRight")
    expect(status).to_contain_text("1 of 16 regions (6 %)")
    expect(page).to_have_url(re.compile("minimal.step=1"))
    page.reload()
    settle(page)
    expect(status).to_contain_text("1 of 16 regions (6 %)")

    page.get_by_text("Explain the error").click()
    expect(page.get_by_text("The data set says: 1.")).to_be_visible()
    expect(page.get_by_text("There is no error to explain")).to_be_visible()


def test_matrices_are_whole_on_a_desk_and_scrolled_alone_on_a_telephone(visit: Visit) -> None:
    page = visit("which-explanation", DIGIT)
    for folded in ("Each explainer where the others look", "Do the maps agree, and where not?"):
        page.get_by_text(folded).click()
    settle(page)
    matrices = page.locator("[class*=st-key-wide-]")
    expect(matrices.first).to_be_visible()
    for matrix in matrices.all():  # none is cut at the right
        assert matrix.evaluate("node => node.scrollWidth <= node.clientWidth")

    page.set_viewport_size({"width": 390, "height": 844})
    settle(page)
    matrix = page.locator("[class*=st-key-wide-] [data-testid=stPlotlyChart]").first
    matrix.scroll_into_view_if_needed()
    box = matrix.bounding_box()
    assert box is not None
    assert box["width"] >= 410  # eight columns of numbers; the matrix is scrolled, the page is not
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.fixture
def guided(visit: Visit) -> Page:
    page = visit("heatmaps", DIGIT | {"heatmaps.methods": ["Guided backpropagation", "Gradient"]})
    page.get_by_text("Can Guided backpropagation be trusted?").wait_for()
    settle(page)
    return page


@pytest.mark.slow
def test_a_dear_trial_is_asked_for_and_its_sentence_and_maps_are_read(guided: Page) -> None:
    line = guided.locator("p").filter(has_text="Can Guided backpropagation be trusted?")
    expect(line).to_contain_text("3 not tried yet")
    guided.get_by_role("button", name=re.compile("^Try it: 4 more maps")).first.click()
    trial = guided.get_by_text("Does it need what was learned?").first
    expect(trial).to_contain_text(re.compile(r"(passed|speaks|neither).*random weights"))
    expect(line).to_contain_text("2 not tried yet")
    trial.click()
    expect(guided.get_by_text("with random weights: ").first).to_be_visible()
    expect(guided.get_by_text("once all layers are shuffled").first).to_be_visible()


def test_the_trials_are_read_and_made_with_the_keyboard_alone(guided: Page) -> None:
    guided.locator("summary").filter(has_text="Do the strong pixels carry the score?").first.focus()
    guided.keyboard.press("Enter")
    copies = guided.get_by_text("all copies of the map, turned, mirrored or moved")
    expect(copies.first).to_be_visible()
    guided.get_by_role("button", name=re.compile("^Try it: 3 more maps")).first.focus()
    guided.keyboard.press("Enter")
    expect(guided.get_by_text("It has no random numbers").first).to_be_visible()


FRAMES = 30  # a second


@pytest.mark.timeout(900)
def test_a_large_image_is_dragged_at_thirty_frames_a_second_and_gets_sharper(
    app_url: str, open_page: OpenPage
) -> None:
    page = open_page()
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    page.goto(f"{app_url}/slides")
    settle(page)
    result = dragged(closer_up(page))
    # A busy machine offers few frames: every one of them is drawn, in the time that a frame has.
    assert result.drawn >= min(FRAMES, 0.9 * result.offered), result
    assert result.cost < 1000 / FRAMES, result
    assert not [url for url in urls if not url.startswith((app_url, "data:", "blob:", "ws"))]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_slide_of_ones_own_is_read_and_looked_at_closer(visit: Visit, tmp_path: Path) -> None:
    image, path = made_slide(1792, 1344, seed=5), tmp_path / "mine.tif"
    pixels = Image.fromarray(image.piece(0, image.height, 0, image.width))
    pixels.save(path, "TIFF", compression="tiff_adobe_deflate")
    page = visit("slides", {"slides.image": "Your own"})
    page.locator(".st-key-slides-file input[type=file]").set_input_files(path)
    settle(page)
    page.get_by_role("button", name=re.compile("^Read the tiles")).click()
    settle(page)
    heading = page.get_by_role("heading", name=re.compile("^MHIM-MIL v1 says"))
    expect(heading).to_contain_text("times an equal share")
    assert closer_up(page).get_attribute("data-tiles") != "0"
    page.get_by_role("radio", name="ABMIL", exact=True).click()
    settle(page)
    expect(page.locator(".pan canvas").first).to_be_visible()


OWN_MAP = {"model": "Phantom GP-UNet", "trust.on": "false"}
OWN_MAP |= {"heatmaps.methods": ["The model's own map", "Grad-CAM"]}
WINDOW = "Full range"  # the one that a scan opens with cuts off what is brightest: the lesion
COMPACT, LARGE = 1, 1.6  # kind and size of the lesion: such as the network has learned
THIRD, EIGHTH = 2, 7  # slice, head that it outlines well; of the first it outlines too much
DICE = re.compile(r"The model's own map: Dice (0\.\d+), IoU 0\.\d+, Grad-CAM: (Dice|nothing)")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "which"), [(slices, THIRD), (volumes, EIGHTH)], ids=["dicom", "nifti"]
)
def test_a_slice_is_outlined_beside_grad_cam_and_against_its_mask(
    visit: Visit, make, which: int
) -> None:
    image, mask, name = make(Phantoms(size=LARGE, seed=9), COMPACT, which)
    page = visit("heatmaps", OWN_MAP)
    give(page, "file", name, image)
    expect(page.get_by_text(re.compile("What the model sees: 64 × 64 px"))).to_be_visible()
    choose(page, "Window that the model sees", WINDOW)
    expect(page.get_by_text("What each map outlines")).to_be_visible()
    expect(page.get_by_text(re.compile("stands out in .* of the image")).first).to_be_visible()

    page.get_by_text("Known truth", exact=True).click()
    give(page, "mask", f"mask-{name}", mask)
    dice_text = page.get_by_text(DICE).first
    expect(dice_text).to_be_visible()
    result = DICE.search(dice_text.inner_text())
    assert result
    assert float(result[1]) > 0.4  # of what nobody showed it

    page.get_by_role("button", name=re.compile("Outline 100 other images too")).click()
    usual = page.get_by_text(re.compile(r"The model's own map: Dice 0\.\d+: higher than on")).first
    expect(usual).to_be_visible()
    settle(page)
    above = re.search(r"higher than on (\d+) of 100 other images", usual.inner_text())
    assert above
    assert int(above[1]) > 50  # such a lesion is one that it outlines well


KEY = "attribution.AdaptiveSmoothing"
FEW = {"seeds": 1, "images": 10, "steps": 5, "epochs": 1, "epsilon": 0.1}  # so it takes seconds
MIXED = {
    f"{KEY}.data": "Digits, 8 × 8",
    **{f"{KEY}.{name}": value for name, value in FEW.items()},
    f"{KEY}.one.MixedAnswers.alpha": 0.9,
    f"{KEY}.one.MixedAnswers.epsilon": 0.1,
}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_networks_are_mixed_under_attack_and_the_dial_decides(visit: Visit) -> None:
    page = visit("attribution-experiments", MIXED)
    page.get_by_role("button", name=re.compile("^Run the experiment")).click()
    curve = re.compile(r"^Right under attack \(first seed\) at α = 0: .*by chance")
    expect(page.get_by_text(curve)).to_be_visible(timeout=LONG)
    heading = page.get_by_role("heading", name=re.compile("^Attacked, it is read as: normal "))
    expect(heading).to_contain_text("The normal network cannot change that", timeout=LONG)
    words = re.search(r"robust (\w+), mixture (\w+)\.", heading.inner_text())
    assert words
    assert words[1] == words[2]

    page.get_by_role("slider", name="Share of the robust network").focus()
    page.keyboard.press("Home")  # the normal network alone
    expect(heading).to_contain_text("it has no say at α = 0", timeout=LONG)
    expect(page).to_have_url(re.compile(re.escape(f"{KEY}.one.MixedAnswers.alpha=0") + "(&|$)"))
    words = re.search(r"normal (\w+), robust \w+, mixture (\w+)\.", heading.inner_text())
    assert words
    assert words[1] == words[2]
    expect(page.get_by_role("figure", name=re.compile("^Every pixel is moved by"))).to_be_visible()
