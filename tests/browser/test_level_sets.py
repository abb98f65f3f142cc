"""A walk as a person takes it: two images, run, scrub, hover, take along, stop, reopen."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.server import settle
from tests.browser.test_journeys import stop

SHORT = {"image": "A cup of coffee", "levels.walk.steps": "20", "levels.walk.eta": "0.1"}
LONG = SHORT | {"levels.walk.steps": "600", "levels.walk.eta": "0.01"}


@pytest.fixture
def visit(app_url: str, open_page: OpenPage):
    def opened(link: dict[str, str], **context: object) -> Page:
        page = open_page(**context)
        page.goto(f"{app_url}/level-sets?{urlencode(link)}")
        settle(page)
        return page

    return opened


def walk(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Walk( \\(about|$)")).click()


def test_a_walk_becomes_an_animation_and_its_figures_can_be_read_on_a_telephone(
    visit, tmp_path: Path
) -> None:
    page = visit(SHORT)
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


def test_the_triangle_of_the_first_sample_is_there_at_once_and_can_be_hovered(visit) -> None:
    page = visit({"levels.view": "Triangle"})
    value = page.locator(".bs-value").first
    expect(value).to_have_text("above 0.99")
    plot = page.locator(".bs-plot").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.6 * box["height"])
    expect(value).not_to_have_text("above 0.99")


@pytest.mark.slow
def test_a_walk_that_is_stopped_can_still_be_looked_at(visit) -> None:
    page = visit(LONG)
    walk(page)
    expect(page.get_by_text(re.compile("Level-set walk: step [1-9]"))).to_be_visible()
    stop(page)
    expect(page.get_by_text("Level-set walk: Stopped.")).to_be_visible()
    expect(page.get_by_text("stopped early")).to_be_visible()
    expect(page.locator(".bp-said")).to_contain_text("espresso")


def test_the_jobs_panel_tells_what_was_stopped(visit) -> None:
    page = visit(LONG | {"seed": "3"})
    walk(page)
    expect(page.get_by_text(re.compile("Level-set walk: step [1-9]"))).to_be_visible()
    stop(page)
    expect(page.get_by_text("Level-set walk: Stopped.")).to_be_visible()
    page.get_by_role("button", name=re.compile("Jobs")).click()
    expect(
        page.get_by_text(re.compile("Level-set walk · espresso · lite0 · stopped")).first
    ).to_be_visible()
