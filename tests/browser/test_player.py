"""The path player as a person uses it: slider, keys, curves, playing; never a server run."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page

from components import colors
from tests.browser.conftest import OpenPage, Serve
from tests.browser.expecting import expect
from tests.browser.server import settle
from tests.browser.test_viewer import CONTRAST, FRAMES, PIXEL
from tests.components.level_sets.walks import walked

DEMO = Path(__file__).with_name("player_demo.py")
WALK = walked()
FRAME = WALK.views["path"].frames.astype(np.float32)

WATCH = """player => {
  window.seen = [];
  const note = changes => changes.forEach(({ target }) => {
    if (["bp-said", "bp-unseen"].includes(target.className)) {
      window.seen.push([target.className, target.textContent, performance.now()]);
    }
  });
  new MutationObserver(note).observe(player, { childList: true, subtree: true });
}"""

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def demo_url(serve: Serve) -> str:
    return serve(
        DEMO,
        STREAMLIT_BROWSER_GATHER_USAGE_STATS="false",
        STREAMLIT_SERVER_FILE_WATCHER_TYPE="none",
    )


@pytest.fixture
def demo(open_page: OpenPage, demo_url: str) -> Open:
    def opened(query: str = "", **context: object) -> Page:
        page = open_page(**context)
        page.goto(demo_url + query)
        settle(page)
        expect(page.locator(".bp-verdict b").first).to_be_visible()
        return page

    return opened


def said(page: Page, at: int = 0) -> Locator:
    return page.locator(".bp-said").nth(at)


def slider(page: Page) -> Locator:
    return page.get_by_role("slider", name="Step of the walk")


def markers(page: Page) -> list[str]:
    page.evaluate(FRAMES)
    results: list[str] = page.locator(".bp-marker").evaluate_all(
        "nodes => nodes.map(node => node.style.left)"
    )
    return results


def pixel(page: Page, canvas: str, x: float, y: float) -> list[int]:
    page.evaluate(FRAMES)
    results: list[int] = page.locator(canvas).first.evaluate(PIXEL, [x, y])
    return results[:3]


def expect_runs(page: Page, count: int) -> None:
    expect(page.get_by_text(f"runs: {count}", exact=True)).to_be_visible()


def test_it_opens_at_the_end_says_all_in_words_and_its_heat_maps_are_on_one_scale(
    demo: Open,
) -> None:
    page = demo()
    expect(said(page)).to_have_text("Step 20 of 20: the model says cat <b> 0.90; RMSE to target 0")
    expect(page.locator(".bp-verdict")).to_have_text("cat <b> 0.90")
    expect(page.locator(".bp-way")).to_have_text("100 % of the way to the target image")
    expect(page.locator(".bp-bars li").first).to_have_text(re.compile("source.*0.90"))
    expect(page.get_by_role("img", name="The image at step 20 of 20")).to_be_visible()
    expect(page.get_by_text("Level <b>sets</b>", exact=True)).to_be_visible()
    expect(page.get_by_text("<img src=x onerror=alert(1)>", exact=True)).to_be_visible()
    assert page.locator(".bp-player img").count() == 2
    expect(page.get_by_role("img", name="steps accepted 15, rejected 5")).to_be_visible()
    assert page.locator(".bp-strip .bp-no").count() == 5
    page.get_by_text("Numbers as a table").click()
    row = page.get_by_role("row", name="12 cat <b> 0.82")
    expect(row.get_by_role("cell").last).to_have_text("yes")
    assert page.locator(".bp-table tbody tr").count() == 6

    still_missing = ".bp-target canvas"
    assert pixel(page, still_missing, 0.5, 0.5) == colors.SEQUENTIAL[0].tolist()
    target = WALK.target.transpose(2, 0, 1) / np.float32(255)
    source = WALK.source.transpose(2, 0, 1) / np.float32(255)
    residues = [np.abs(FRAME - end).mean(1) for end in (target, source)]
    scale = max(residue.max() for residue in residues)
    for at, times in ((0, 1), (2, 1), (4, 1), (4, 10)):
        slider(page).fill(str(at))
        loud = page.get_by_role("button", name="Differences ×10")
        if times == 10:
            loud.click()
            expect(loud).to_have_attribute("aria-pressed", "true")
        shade = min(255.0, 255 * times * residues[0][at, 16, 16] / scale)
        near = colors.SEQUENTIAL[max(0, round(shade) - 10) : round(shade) + 11].astype(int)
        seen = np.array(pixel(page, still_missing, 16.5 / 32, 16.5 / 32))
        assert np.abs(near - seen).sum(1).min() <= 3
    expect(page.locator(".bp-scale")).to_contain_text("and more")
    expect_runs(page, 1)


def test_keys_curves_and_slider_move_the_walk_without_a_run_and_the_step_survives_one(
    demo: Open,
) -> None:
    page = demo()
    slider(page).focus()
    page.keyboard.press("Home")
    expect(said(page)).to_contain_text("Step 0 of 20")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    expect(said(page)).to_contain_text("Step 8 of 20")
    page.keyboard.press("ArrowLeft")
    expect(said(page)).to_contain_text("Step 4 of 20")
    expect(page.get_by_role("status").filter(has_text="Step 4 of 20: the model")).to_be_attached()
    page.keyboard.press("End")
    expect(slider(page)).to_have_attribute("aria-valuetext", "step 20 of 20")
    page.keyboard.press("x")
    expect(page.get_by_role("button", name="Differences")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Home")
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect_runs(page, 1)

    area = page.locator(".bp-area").nth(1)
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.21 * box["width"], y)
    page.mouse.down()
    expect(said(page)).to_contain_text("Step 4 of 20")
    page.mouse.move(box["x"] + 0.62 * box["width"], y)
    expect(said(page)).to_contain_text("Step 12 of 20")
    page.mouse.up()
    page.mouse.move(box["x"] + 5, y)
    assert markers(page) == ["60%", "60%"]
    expect_runs(page, 1)

    slider(page).fill("2")
    expect(said(page)).to_contain_text("Step 8 of 20: the model says cat <b> 0.78")
    assert markers(page) == ["40%", "40%"]
    for at in (0, 2, 5):
        slider(page).fill(str(at))
        want = np.rint(FRAME[at, :, 16, 16] * 255)
        assert pixel(page, ".bp-frame", 16.5 / 32, 16.5 / 32) == pytest.approx(want, abs=1)
    settle(page)
    expect_runs(page, 1)
    slider(page).fill("2")
    page.get_by_test_id("stSlider").get_by_role("slider").press("ArrowRight")
    expect_runs(page, 2)  # of the page, which its step survives
    expect(said(page)).to_contain_text("Step 8 of 20")


def test_play_goes_from_the_start_to_the_end_is_silent_on_the_way_and_slow_with_less_motion(
    demo: Open,
) -> None:
    page = demo()
    page.locator(".bp-player").evaluate(WATCH)
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect(page.locator(".bp-unseen")).to_contain_text("Step 20 of 20")
    seen = page.evaluate("window.seen")
    steps = [int(words.split()[1]) for kind, words, _ in seen if kind == "bp-said"]
    assert steps == [0, 4, 8, 12, 16, 20]
    assert [kind for kind, *_ in seen].index("bp-unseen") == len(steps)
    expect_runs(page, 1)

    page.emulate_media(reduced_motion="reduce")
    page.evaluate("window.seen = []")
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".bp-unseen")).to_contain_text("Step 20 of 20")
    page.wait_for_function("window.seen.length > 3")
    (_, start, began), (_, then, went_on), *_ = page.evaluate("window.seen")
    assert (start[:6], then[:6]) == ("Step 0", "Step 4")
    assert went_on - began > 700  # ms by the browser's clock: a busy machine only adds to it


def test_walks_of_different_length_share_the_axis_and_all_words_keep_their_contrast(
    demo: Open,
) -> None:
    page = demo("?walks=two")
    expect(said(page, 1)).to_contain_text("Step 10 of 10")
    assert markers(page) == ["100%"] * 4
    slider(page).press("Home")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    step = int(markers(page)[0].removesuffix("%")) * 20 // 100
    assert markers(page) == [f"{100 * step // 20}%"] * 4
    expect(said(page, 1)).to_contain_text(f"Step {step} of 10")
    expect(page.get_by_text("nothing holds this walk")).to_be_visible()

    page.get_by_text("Numbers as a table").first.click()
    page.get_by_role("button", name="Differences").click()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        settle(page)
        for pointed in (".bp-verdict", ".bp-play"):
            page.locator(pointed).first.hover()
            assert page.locator(".bp-player").evaluate(CONTRAST) >= 4.5


def test_a_walk_that_has_only_begun_is_shown_and_cannot_be_played(demo: Open) -> None:
    page = demo("?walks=still")
    expect(said(page)).to_contain_text("Step 0 of 0")
    expect(page.get_by_text("so far", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Play")).to_be_disabled()


def test_on_a_telephone_everything_stacks_and_nothing_sticks_out(demo: Open) -> None:
    page = demo(
        "?walks=two", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    boxes = [walk.bounding_box() for walk in page.locator(".bp-walk").all()]
    assert len({round(box["x"]) for box in boxes if box}) == 1
    assert page.locator(".bp-player").evaluate("node => node.scrollWidth - node.clientWidth") <= 0
    heights = page.locator(".bp-player button:visible").evaluate_all(
        "nodes => nodes.map(node => node.getBoundingClientRect().height)"
    )
    assert min(heights) >= 44
