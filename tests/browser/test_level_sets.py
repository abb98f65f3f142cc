"""A walk as a person takes it: two images, run, scrub, hover, take along, stop, reopen."""

import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from tests.browser.conftest import Visit
from tests.browser.expecting import expect
from tests.browser.server import settle
from tests.browser.test_journeys import stop

SHORT = {"image": "A cup of coffee", "levels.walk.steps": "20", "levels.walk.eta": "0.1"}
LONG = SHORT | {"levels.walk.steps": "600", "levels.walk.eta": "0.01"}


def walk(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Walk( \\(about|$)")).click()


def test_a_walk_becomes_an_animation_and_its_figures_can_be_read_on_a_telephone(
    visit: Visit, tmp_path: Path
) -> None:
    page = visit("level-sets", SHORT)
    walk(page)
    status = page.locator(".bp-said")
    expect(status).to_contain_text("Step 20 of 20")
    page.get_by_role("slider", name="Step of the walk").focus()
    page.keyboard.press("Home")
    expect(status).to_contain_text("Step 0 of 20: the model says espresso")
    page.keyboard.press("ArrowRight")
    expect(status).not_to_contain_text("Step 0 of 20")

    page.get_by_role("button", name="Share").click()
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("walk.gif$")).click()
    file = tmp_path / "walk.gif"
    download.value.save_as(file)
    with Image.open(file) as animation:
        assert animation.n_frames > 10
    page.keyboard.press("Escape")

    page.set_viewport_size({"width": 390, "height": 844})
    settle(page)
    cell = page.get_by_role("row").filter(has_text="RMSE to target").get_by_role("cell").last
    expect(cell).to_be_visible()
    box = cell.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 390


def test_the_triangle_of_the_first_sample_is_there_at_once_and_can_be_hovered(visit: Visit) -> None:
    page = visit("level-sets", {"levels.view": "Triangle"})
    value = page.locator(".bs-value").first
    expect(value).to_have_text("above 0.99")
    plot = page.locator(".bs-plot").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.6 * box["height"])
    expect(value).not_to_have_text("above 0.99")


def test_a_walk_that_is_stopped_can_still_be_looked_at_and_the_jobs_panel_tells_of_it(
    visit: Visit,
) -> None:
    page = visit("level-sets", LONG)
    walk(page)
    expect(page.get_by_text(re.compile("Level-set walk: step [1-9]"))).to_be_visible()
    stop(page)
    expect(page.get_by_text("Level-set walk: Stopped.")).to_be_visible()
    expect(page.get_by_text("stopped early")).to_be_visible()
    expect(page.locator(".bp-said")).to_contain_text("espresso")
    page.get_by_role("button", name=re.compile("Jobs")).click()
    expect(
        page.get_by_text(re.compile("Level-set walk · espresso · lite0 · stopped")).first
    ).to_be_visible()
