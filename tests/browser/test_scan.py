"""A scan in the viewer: its window moves in the browser, at full bit depth, with no server run."""

import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page

from engine.vision.images import Window
from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.server import settle
from tests.browser.test_viewer import CONTRAST, canvas, expect_runs, pixel, point, press
from tests.scans import nifti

SIDE = 224


@pytest.fixture
def scan(open_page: OpenPage, viewer_url: str) -> Page:
    return opened(open_page, viewer_url)


def opened(
    open_page: OpenPage, url: str, query: str = "?maps=scan&look=m0", **context: object
) -> Page:
    page = open_page(**context)
    page.goto(url + query)
    settle(page)
    expect(page.locator(".bs-ends", has_text="logit").first).to_be_visible()
    return page


def field(page: Page, name: str) -> Locator:
    return page.locator(".bs-window").get_by_role("spinbutton", name=name)


def shown(page: Page) -> tuple[float, float]:
    return tuple(float(field(page, name).input_value()) for name in ("Center", "Width"))


def expect_window(page: Page, window: Window, slack: float = 3) -> None:
    """Gray values at several places are those of the formula; bilinear scaling moves them a bit."""
    places = np.linspace(0.05, 0.95, 13)
    values = np.float32(-1000 + 2000 * (places * SIDE - 0.5) / (SIDE - 1))
    results = [pixel(page, x, 0.3)[0] for x in places]
    steep = 255 * 10 / window.width  # of a place rounded by a pixel of the screen
    assert np.abs(np.array(results) - 255 * window.place(values)).max() <= slack + steep


def test_dragging_moves_the_window_runs_nothing_and_sides_and_words_are_read_in_any(
    scan: Page,
) -> None:
    expect_window(scan, Window(40, 400))
    point(scan, 0.5, 0.5)
    scan.mouse.down(button="right")
    point(scan, 0.9, 0.5)
    scan.mouse.up(button="right")
    center, width = shown(scan)
    assert center == 40
    assert width > 800
    expect_window(scan, Window(center, width))
    point(scan, 0.5, 0.5)
    scan.mouse.down(button="right")
    point(scan, 0.5, 0.8)
    scan.mouse.up(button="right")
    moved, same = shown(scan)
    assert same == width
    assert moved > 100
    expect_window(scan, Window(moved, width))
    expect(
        scan.get_by_text("The model saw another window: center 40, width 400 HU.")
    ).to_be_visible()
    settle(scan)
    expect_runs(scan, 1)
    assert pixel(scan, 0.5, 0.3, at=0) == pixel(scan, 0.5, 0.3, at=1)  # in all panels
    point(scan, 0.75, 0.5)  # the cursor reads the scan's own value, whatever the window
    expect(scan.locator(".bs-read").first).to_have_text(re.compile(r"px, scan (49\d|50\d) HU$"))

    expect(scan.get_by_text("the patient's right is on the left")).to_be_visible()
    label = "left R, right L, top A, bottom P"
    expect(scan.get_by_role("group", name=re.compile(label)).first).to_be_visible()
    scan.get_by_role("combobox", name="Window").select_option("Brain")
    with scan.expect_download() as waiting:
        press(scan, "Save PNG of Weak")
    image = np.asarray(Image.open(BytesIO(Path(waiting.value.path()).read_bytes())).convert("L"))
    times = 3  # of each of its 224 px
    top, middle = 68, 68 + SIDE * times // 2
    left = image[middle - 30 : middle + 30, 24:80]  # black of -1000 HU, with a white letter on it
    assert left.max() >= 250
    assert np.median(left) < 20
    assert image[top + 60, 24 + times * SIDE - 60] == 255  # white of 1000 HU in this window

    press(scan, "List of keys")
    for scheme in ("light", "dark"):
        scan.emulate_media(color_scheme=scheme)
        settle(scan)
        assert scan.locator(".bs-viewer").evaluate(CONTRAST) >= 4.5


def test_presets_fields_and_keys_move_it_too(scan: Page) -> None:
    combobox = scan.get_by_role("combobox", name="Window")
    combobox.select_option("Lung")
    assert shown(scan) == (-600, 1500)
    expect_window(scan, Window(-600, 1500))
    field(scan, "Width").fill("300")
    assert combobox.evaluate("node => node.selectedOptions[0].textContent") == "Your own"
    expect_window(scan, Window(-600, 300))
    field(scan, "Width").fill("-5")  # no window: the last one stays
    field(scan, "Center").focus()
    assert shown(scan) == (-600, 300)
    field(scan, "Center").fill("-37.5")
    field(scan, "Width").focus()
    assert shown(scan) == (-37.5, 300)
    combobox.select_option("As the model sees it")
    expect_window(scan, Window(40, 400))

    scan.locator(".bs-stage").first.focus()
    scan.keyboard.press("3")
    assert shown(scan) == (40, 80)  # 1: the model's, 2: the file's, 3: brain
    scan.keyboard.press("1")
    assert shown(scan) == (40, 400)
    scan.keyboard.press("w")
    expect(scan.get_by_role("button", name="Window by dragging on the picture")).to_have_attribute(
        "aria-pressed", "true"
    )
    scan.keyboard.press("ArrowRight")
    scan.keyboard.press("ArrowDown")
    center, width = shown(scan)
    assert center > 40
    assert width > 400
    expect(scan.get_by_role("status").filter(has_text="Center")).to_contain_text("width")
    field(scan, "Center").focus()
    scan.keyboard.press("3")  # typed, not a preset
    assert shown(scan)[1] == width
    point(scan, 0.6, 0.5)
    scan.mouse.down()  # in window mode a plain drag does it
    point(scan, 0.3, 0.5)
    scan.mouse.up()
    assert shown(scan)[1] < width / 2
    expect_runs(scan, 1)


def test_a_copied_link_carries_the_window_and_one_that_cannot_be_still_opens(
    open_page: OpenPage, viewer_url: str
) -> None:
    page = opened(open_page, viewer_url)
    field(page, "Center").fill("-40.25")
    field(page, "Width").fill("1200")
    press(page, "Copy link")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.endswith("look=m0.c-4025e-2.w12e2")
    assert shown(opened(open_page, link, "")) == pytest.approx((-40.25, 1200), abs=0.5)
    for look in ("c9e99.w1e-99", "c1.w-5.c-"):
        page.goto(f"{viewer_url}?maps=scan&look=m0.{look}")
        settle(page)
        expect(page.locator(".bs-ends", has_text="logit").first).to_be_visible()
        assert pixel(page, 0.5, 0.3)[3] == 255, look


def test_on_a_telephone_nothing_sticks_out(open_page: OpenPage, viewer_url: str) -> None:
    size = {"width": 390, "height": 844}
    page = opened(open_page, viewer_url, viewport=size, has_touch=True, is_mobile=True)
    assert page.locator(".bs-viewer").evaluate("node => node.scrollWidth - node.clientWidth") <= 0
    heights = page.locator(".bs-window :is(input, select, button)").evaluate_all(
        "nodes => nodes.map(node => node.getBoundingClientRect().height)"
    )
    assert min(heights) >= 44
    expect(canvas(page)).to_be_visible()


def test_a_volume_is_opened_cut_windowed_and_explained(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/heatmaps?heatmaps.methods=Gradient&trust.on=false")
    settle(page)
    x, y, z = np.indices((24, 26, 28))
    file = {"name": "scan.nii", "mimeType": "", "buffer": nifti((x * y + z).astype(np.int16))}
    page.locator("input[type=file]").first.set_input_files(file)
    expect(page.get_by_text("Slice (of 28)")).to_be_visible()
    page.get_by_text("Coronal", exact=True).click()
    expect(page.get_by_text("Slice (of 26)")).to_be_visible()
    settle(page)
    expect(
        page.get_by_role("group", name=re.compile("left R, right L, top H, bottom F"))
    ).to_be_visible()
    before = shown(page)
    point(page, 0.5, 0.5)
    page.mouse.down(button="right")
    point(page, 0.8, 0.7)
    page.mouse.up(button="right")
    assert all(a > b for a, b in zip(shown(page), before, strict=True))
    expect(page.get_by_text("The model saw another window")).to_be_visible()
    expect(page.locator(".bs-ends", has_text="logit")).to_be_visible()
