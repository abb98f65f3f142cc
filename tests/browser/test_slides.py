"""A large image in the browser: frames while it is dragged, and tiles that make it sharper."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from engine.data.whole_slide import made_slide
from tests.browser.conftest import OpenPage
from tests.browser.dragging import closer_up, dragged
from tests.browser.expecting import expect
from tests.browser.server import settle

LONG = 240  # seconds: torch is loaded, and others share the machine
FRAMES = 30  # a second
BAGS = 5
pytestmark = pytest.mark.timeout(900)


def test_a_large_image_is_dragged_at_thirty_frames_a_second_and_gets_sharper(
    app_url: str, open_page: OpenPage
) -> None:
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{app_url}/slides")
    settle(page, LONG)
    found = dragged(closer_up(page))
    # A busy machine offers few frames: every one of them is drawn, in the time that a frame has.
    assert found.drawn >= min(FRAMES, 0.9 * found.offered), found
    assert found.cost < 1000 / FRAMES, found
    assert not [url for url in asked if not url.startswith((app_url, "data:", "blob:", "ws"))]


def test_a_slide_is_zoomed_and_its_hard_tiles_are_read(app_url: str, open_page: OpenPage) -> None:
    page = open_page()
    page.goto(f"{app_url}/slides")
    settle(page, LONG)
    expect(page.get_by_role("radio", name="hard key tiles")).to_be_checked()
    page.locator(".bs-stage").first.hover()
    page.get_by_role("button", name="Zoom in").first.click()
    expect(page.get_by_text("1.5×").first).to_be_visible()

    hard = page.get_by_text("key, hard")
    for _ in range(BAGS):  # until a network has found a hard one
        if hard.count():
            break
        number = page.get_by_role("spinbutton", name="Bag", exact=True)
        number.press("ArrowUp")
        number.press("Enter")
        settle(page, LONG)
    expect(hard.first).to_be_attached()

    said = page.get_by_text(re.compile("^Among the 8 strongest, ")).first
    before = said.inner_text()
    page.get_by_role("radio", name="easy key tiles only").click()
    settle(page, LONG)
    expect(said).not_to_have_text(before)
    expect(hard).to_have_count(0)


@pytest.mark.slow
def test_a_slide_of_ones_own_is_read_and_looked_at_closer(
    app_url: str, open_page: OpenPage, tmp_path: Path
) -> None:
    image, path = made_slide(1792, 1344, seed=5), tmp_path / "mine.tif"
    pixels = Image.fromarray(image.piece(0, image.height, 0, image.width))
    pixels.save(path, "TIFF", compression="tiff_adobe_deflate")
    page = open_page()
    page.goto(f"{app_url}/slides?slides.image=Your+own")
    settle(page, LONG)
    page.locator(".st-key-slides-file input[type=file]").set_input_files(path)
    settle(page, LONG)
    page.get_by_role("button", name=re.compile("^Read the tiles")).click()
    settle(page, LONG)
    said = page.get_by_role("heading", name=re.compile("^MHIM-MIL v1 says"))
    expect(said).to_contain_text("times an equal share")
    assert closer_up(page).get_attribute("data-tiles") != "0"
    page.get_by_role("radio", name="ABMIL", exact=True).click()
    settle(page, LONG)
    expect(page.locator(".pan canvas").first).to_be_visible()
