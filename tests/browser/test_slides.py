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
pytestmark = pytest.mark.timeout(900)


def test_a_large_image_is_dragged_at_thirty_frames_a_second_and_gets_sharper(
    app_url: str, open_page: OpenPage
) -> None:
    page = open_page()
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    page.goto(f"{app_url}/slides")
    settle(page, LONG)
    result = dragged(closer_up(page))
    # A busy machine offers few frames: every one of them is drawn, in the time that a frame has.
    assert result.drawn >= min(FRAMES, 0.9 * result.offered), result
    assert result.cost < 1000 / FRAMES, result
    assert not [url for url in urls if not url.startswith((app_url, "data:", "blob:", "ws"))]


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
    heading = page.get_by_role("heading", name=re.compile("^MHIM-MIL v1 says"))
    expect(heading).to_contain_text("times an equal share")
    assert closer_up(page).get_attribute("data-tiles") != "0"
    page.get_by_role("radio", name="ABMIL", exact=True).click()
    settle(page, LONG)
    expect(page.locator(".pan canvas").first).to_be_visible()
