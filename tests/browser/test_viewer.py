"""The viewer and the rectangle as a person uses them: mouse, keyboard, link, file."""

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page

from components import colors
from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.server import settle

PIXEL = """(canvas, [x, y]) => {
  const at = [Math.floor(x * canvas.width), Math.floor(y * canvas.height)];
  return [...canvas.getContext("2d").getImageData(...at, 1, 1).data];
}"""
FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
CONTRAST = """viewer => {
  const parts = color => color.match(/[\\d.]+/g).map(Number);
  const page = parts(getComputedStyle(viewer).backgroundColor);
  const luminance = color => {
    const linear = color.slice(0, 3).map(c => c / 255)
      .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const probe = document.createElement("canvas").getContext("2d");
  const painted = color => {
    probe.clearRect(0, 0, 1, 1);
    probe.fillStyle = color;
    probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data];
  };
  const behind = node => {
    for (let at = node; at && at !== viewer.parentNode; at = at.parentElement) {
      const color = painted(getComputedStyle(at).backgroundColor);
      if (color[3] > 250) return color;
    }
    return page;
  };
  const words = [...viewer.querySelectorAll("*")].filter(node =>
    !node.disabled && node.checkVisibility()
    && [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim()));
  return Math.min(...words.map(node => {
    const [a, b] = [painted(getComputedStyle(node).color), behind(node)].map(luminance);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }));
}"""

Open = Callable[..., Page]


@pytest.fixture
def demo(open_page: OpenPage, viewer_url: str) -> Open:
    def opened(query: str = "", **context: object) -> Page:
        page = open_page(**context)
        page.goto(viewer_url + query)
        settle(page)
        expect(ends(page).first).to_be_visible()
        return page

    return opened


def ends(page: Page) -> Locator:
    return page.locator(".bs-ends", has_text="logit")


def canvas(page: Page, at: int = 0) -> Locator:
    return page.locator(".bs-stage canvas").nth(at)


def pixel(page: Page, x: float, y: float, at: int = 0) -> list[int]:
    page.evaluate(FRAMES)
    results: list[int] = canvas(page, at).evaluate(PIXEL, [x, y])
    return results


def point(page: Page, x: float, y: float, at: int = 0) -> None:
    canvas(page, at).scroll_into_view_if_needed()
    box = canvas(page, at).bounding_box()
    assert box
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])


def slider(page: Page, name: str) -> Locator:
    return page.get_by_role("slider", name=name)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def expect_runs(page: Page, count: int) -> None:
    expect(page.get_by_text(f"runs: {count}", exact=True)).to_be_visible()


def test_opacity_threshold_mode_and_zoom_change_the_picture_without_a_server_run(
    demo: Open,
) -> None:
    page = demo()
    seen = [pixel(page, 0.3, 0.27)]
    slider(page, "Opacity").fill("100")
    seen.append(pixel(page, 0.3, 0.27))
    press(page, "Map")
    press(page, "Picture")
    seen.append(pixel(page, 0.3, 0.27))
    press(page, "Zoom in")
    seen.append(pixel(page, 0.3, 0.27))
    assert len({tuple(picture) for picture in seen}) == 4
    settle(page)
    expect_runs(page, 1)

    canvas(page).dblclick()  # the whole picture
    expect(page.get_by_role("button", name="Outline")).to_be_disabled()
    press(page, "Picture")
    plain = pixel(page, 0.1, 0.9)
    press(page, "Overlay")
    assert pixel(page, 0.1, 0.9) != plain
    slider(page, "Hide below").fill("30")
    assert pixel(page, 0.1, 0.9) == plain
    assert pixel(page, 0.75, 0.7) != plain  # of |value|: the negative hill stays
    shown = page.locator(".bs-cut").first
    expect(shown).to_have_text(
        re.compile(r"Hidden between −0\.6 and 0\.6 logit; 1[0-9.]+ % of the map is shown\.")
    )
    before = canvas(page).evaluate("node => node.toDataURL()")
    press(page, "Outline")
    page.evaluate(FRAMES)
    assert canvas(page).evaluate("node => node.toDataURL()") != before
    slider(page, "Show strongest").fill("10")
    expect(shown).to_contain_text("10 % of the map is shown")


def test_every_panel_says_in_words_what_it_shows_and_is_saved_and_painted_in_its_theme(
    demo: Open,
) -> None:
    page = demo()
    finding = "strongest in the upper left, most negative in the lower right, −1.2 to 2 logit"
    expect(page.get_by_role("img", name=f"Occlusion: {finding}")).to_be_visible()
    expect(page.get_by_role("img", name="KernelSHAP: Waiting: place 2")).to_be_visible()
    expect(page.get_by_text("Grad-CAM <b>bold</b>", exact=True)).to_be_visible()
    expect(page.get_by_text("<img src=x onerror=alert(1)>", exact=True)).to_be_visible()
    assert page.locator(".bs-viewer img, .bs-viewer b").count() == 0
    point(page, 0.3, 0.25)
    read = page.locator(".bs-read")
    expect(read.nth(0)).to_have_text(re.compile(r"2 logit at x 15[234], y 12[789] px"))
    expect(read.nth(1)).to_contain_text(" logit at x 15")
    expect(read.nth(2)).to_contain_text(" probability at x 15")
    point(page, 0.5, 0.05)
    expect(read.nth(2)).to_contain_text("no value at")
    press(page, "Same scale")
    expect(page.get_by_text("so each panel keeps its own scale")).to_be_visible()

    with page.expect_download() as waiting:
        press(page, "Save PNG of Occlusion")
    assert waiting.value.suggested_filename == "occlusion.png"
    image = Image.open(BytesIO(Path(waiting.value.path()).read_bytes())).convert("RGB")
    pixels = np.asarray(image).astype(int)
    ramp = [colors.DIVERGING_LIGHT[at].astype(int) for at in (0, -1)]
    edges = pixels[:, 26], pixels[:, -27]  # just within the picture and its color bar
    bars = [np.abs(edge - end).max(1) <= 4 for edge, end in zip(edges, ramp, strict=True)]
    assert (bars[0] & bars[1]).sum() >= 10
    assert image.width == 48 + 512  # the picture's own pixels

    press(page, "Map")
    press(page, "Pixelated")
    red, green, blue, _ = pixel(page, 0.3, 0.25)
    assert np.abs(colors.DIVERGING_LIGHT[-1].astype(int) - (red, green, blue)).max() <= 3
    assert pixel(page, 0.5, 0.05, at=2)[3] == 0  # no value, no color
    expect(ends(page).first).to_have_text("−202 logit")
    expect(ends(page).nth(1)).to_have_text("0.42.09 logit")
    page.emulate_media(color_scheme="dark")  # zero recedes into a dark page, too
    settle(page)
    assert np.abs(colors.DIVERGING_DARK[127].astype(int) - pixel(page, 0.05, 0.95)[:3]).max() <= 4

    press(page, "List of keys")
    slider(page, "Hide below").fill("20")
    page.mouse.move(5, 5)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        settle(page)
        assert page.locator(".bs-viewer").evaluate(CONTRAST) >= 4.5


def test_a_flat_map_has_the_middle_color_and_a_shared_scale_is_shared(demo: Open) -> None:
    page = demo("?maps=flat")
    press(page, "Map")
    assert pixel(page, 0.2, 0.8)[:3] == colors.SEQUENTIAL[127].tolist()
    expect(ends(page).first).to_have_text("0.3the same everywhere0.3 logit")
    before = pixel(page, 0.5, 0.5, at=1)
    press(page, "Same scale")
    assert pixel(page, 0.5, 0.5, at=1) != before
    assert pixel(page, 0.5, 0.5, at=2) == before
    expect(page.get_by_text("All panels share one scale.")).to_be_visible()


def test_zoom_and_pan_are_the_same_in_all_panels_and_keys_do_all_of_it(demo: Open) -> None:
    page = demo()
    whole = [pixel(page, 0.9, 0.9, at) for at in (0, 1)]
    point(page, 0.1, 0.1)
    page.mouse.wheel(0, -600)
    expect(page.get_by_role("button", name="Show the whole picture")).not_to_have_text("1×")
    zoomed = [pixel(page, 0.9, 0.9, at) for at in (0, 1)]
    assert all(a != b for a, b in zip(whole, zoomed, strict=True))
    point(page, 0.2, 0.2)
    page.mouse.down()
    point(page, 0.05, 0.05)
    page.mouse.up()
    panned = [pixel(page, 0.9, 0.9, at) for at in (0, 1)]
    assert all(a != b for a, b in zip(zoomed, panned, strict=True))
    canvas(page).dblclick()
    page.mouse.move(5, 5)
    assert [pixel(page, 0.9, 0.9, at) for at in (0, 1)] == whole

    overlay = pixel(page, 0.3, 0.27)
    page.locator(".bs-stage").first.focus()
    page.keyboard.press("o")
    plain = pixel(page, 0.3, 0.27)
    assert plain != overlay
    page.keyboard.press("o")
    page.keyboard.down(" ")
    assert pixel(page, 0.3, 0.27) == plain
    page.keyboard.up(" ")
    assert pixel(page, 0.3, 0.27) == overlay
    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Map", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    page.keyboard.press("m")
    page.keyboard.press("m")
    page.keyboard.press("]")
    expect(slider(page, "Opacity")).to_have_value("65")
    for key in "...,}":
        page.keyboard.press(key)
    expect(slider(page, "Hide below")).to_have_value("6")
    for key, name in (("p", "Pixelated"), ("s", "Same scale"), ("c", "Outline")):
        page.keyboard.press(key)
        expect(page.get_by_role("button", name=name, exact=True)).to_have_attribute(
            "aria-pressed", "true"
        )
    page.keyboard.press("+")
    page.keyboard.press("0")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".bs-read").first).to_contain_text("logit")
    expect(page.get_by_role("status").filter(has_text="Occlusion:")).to_contain_text("px")
    page.keyboard.press("?")
    expect(page.get_by_text("show the plain picture")).to_be_visible()
    expect(page.get_by_role("group", name="Window of the scan")).to_have_count(0)
    page.keyboard.press("w")  # the keys of a scan's window
    page.keyboard.press("3")
    expect_runs(page, 1)


def test_a_copied_link_reopens_the_look_and_nonsense_opens_with_values_in_range(
    demo: Open, viewer_url: str
) -> None:
    page = demo("?strength=2")
    slider(page, "Opacity").fill("35")
    slider(page, "Hide below").fill("20")
    press(page, "Outline")
    press(page, "Copy link")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == f"{viewer_url}/?strength=2&look=o35.h20.l1"
    again = demo(link.removeprefix(viewer_url))
    expect(slider(again, "Opacity")).to_have_value("35")
    expect(slider(again, "Hide below")).to_have_value("20")
    expect(ends(again).first).to_have_text("−404 logit")

    page.goto(f"{viewer_url}?look=m9.o999999.z1.x9999.k0.h500.<script>.o-5..%00")
    settle(page)
    expect(ends(page).first).to_be_visible()
    assert 0 <= int(slider(page, "Opacity").input_value()) <= 100
    assert pixel(page, 0.5, 0.5)[3] == 255


def test_on_a_telephone_the_panels_stack_and_nothing_sticks_out(demo: Open) -> None:
    page = demo(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    boxes = [canvas(page, at).bounding_box() for at in range(4)]
    assert len({round(box["x"]) for box in boxes if box}) == 1
    assert page.locator(".bs-viewer").evaluate("node => node.scrollWidth - node.clientWidth") <= 0
    heights = page.locator(".bs-viewer button:visible").evaluate_all(
        "nodes => nodes.map(node => node.getBoundingClientRect().height)"
    )
    assert min(heights) >= 44


def frame(page: Page, words: str) -> Locator:
    result = page.get_by_role("group", name=words)
    result.scroll_into_view_if_needed()
    return result


def test_a_frame_is_sent_once_when_it_is_let_go_and_a_viewer_taken_off_complains_about_nothing(
    demo: Open,
) -> None:
    page = demo()
    box = frame(page, "What to cover").bounding_box()
    assert box
    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.move(box["x"] + 5000, box["y"] + 30)
    settle(page)
    expect_runs(page, 1)
    page.mouse.up()
    expect(page.get_by_text("cover: 0.70 0.10 0.30 0.30")).to_be_attached()
    expect_runs(page, 2)

    frame(page, "What the model sees").focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("crop: 0.14 0.00 0.67 1.00")).to_be_attached()
    expect_runs(page, 3)
    for _ in range(5):
        page.keyboard.press("Shift+ArrowLeft")
    expect(page.get_by_text("crop: 0.00 0.00 0.67 1.00")).to_be_attached()
    expect(page.get_by_role("group", name="What the model sees")).to_be_focused()

    page.locator(".bs-viewer").first.evaluate(
        """node => {
          node.querySelector("input[type=range]").dispatchEvent(new Event("input"));
          node.remove();
        }"""
    )
    page.evaluate(FRAMES)  # the page's console is empty, or its fixture fails
    expect(page.locator(".bs-viewer").first).to_have_count(0)


def test_a_square_stays_square_and_the_look_survives_reruns_that_bring_new_maps(demo: Open) -> None:
    page = demo()
    frame(page, "What to cover")
    box = page.get_by_role("button", name="Resize at the bottom right").last.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 3000, box["y"] + 20)
    page.mouse.up()
    expect(page.get_by_text("cover: 0.30 0.10 0.70 0.70")).to_be_attached()

    slider(page, "Opacity").fill("85")
    press(page, "Zoom in")
    page.get_by_test_id("stSlider").get_by_role("slider").press("ArrowRight")
    expect_runs(page, 3)
    expect(ends(page).first).to_have_text("−404 logit")
    expect(slider(page, "Opacity")).to_have_value("85")
    expect(page.get_by_role("button", name="Show the whole picture")).to_have_text("1.5×")
