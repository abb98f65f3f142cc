"""The triangle as a person uses it: mouse, keys, touch; nothing of it asks the server."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenPage, Serve
from tests.browser.expecting import expect
from tests.browser.server import settle

DEMO = Path(__file__).with_name("triangle_demo.py")
MIDDLE = """canvas => [...canvas.getContext("2d")
  .getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data].slice(0, 3)"""


@pytest.fixture(scope="session")
def demo_url(serve: Serve) -> str:
    return serve(DEMO, STREAMLIT_BROWSER_GATHER_USAGE_STATS="false")


@pytest.fixture
def page(open_page: OpenPage, demo_url: str) -> Page:
    page = open_page()
    page.goto(demo_url)
    settle(page)
    expect(page.locator(".bs-plot")).to_have_count(2)
    return page


def reads(page: Page, *values: str) -> None:
    expect(page.locator(".bs-value")).to_have_text(list(values))


def point(page: Page, source: float, first: float, second: float, at: int = 0) -> None:
    """Moves the mouse to a mixture in the triangle whose corners are SHARP."""
    box = page.locator(".bs-plot").nth(at).bounding_box()
    assert box
    x, y = first + 0.45 * second, 0.8 * (1 - second)
    page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["width"] * y)
    assert source + first + second == pytest.approx(1)


def test_it_says_where_picture_and_class_differ_most_and_the_mouse_moves_one_point_in_both(
    page: Page,
) -> None:
    reads(page, "0.95", "below 0.01")
    expect(page.locator(".bs-mix")).to_have_text(["Blind spot 1 alone", "Raw target 1 alone"])
    name = page.locator(".bs-plot").first.get_attribute("aria-label")
    assert name is not None
    assert name.startswith("blind spots. Mean 0.92, along the two sides from source 0.9")
    expect(page.get_by_text('Probability of <img src=x onerror="alert(1)">').first).to_be_visible()
    lights = [sum(page.locator(".bs-plot canvas").nth(at).evaluate(MIDDLE)) for at in range(2)]
    assert lights[0] > 1.7 * lights[1]  # bright is bright and dark is dark

    point(page, 0.5, 0.3, 0.2)
    reads(page, "0.93", "0.25")
    mix = "50 % source, 30 % blind spot 1, 20 % blind spot 2"
    expect(page.locator(".bs-mix").first).to_have_text(mix)
    blended = page.locator(".bs-reading canvas").first.evaluate(MIDDLE)
    wanted = [0.5 * 220 + 0.5 * 30, 0.7 * 30 + 0.3 * 180, 0.8 * 30 + 0.2 * 220]
    assert blended == pytest.approx(wanted, abs=6)
    page.get_by_role("button", name="Go to raw target 2: below 0.01").click()
    reads(page, "0.85", "below 0.01")
    page.get_by_role("button", name="Go to source: above 0.99").click()
    reads(page, "0.95", "above 0.99")
    page.get_by_role("button", name="Lowest point").click()
    expect(page.locator(".bs-value").nth(1)).to_have_text("below 0.01")
    expect(page.get_by_text("runs: 1")).to_be_visible()
    # Between two points the nearest counts.
    point(page, 0.53, 0.28, 0.19, at=1)
    expect(page.locator(".bs-mix").first).to_contain_text("50 % source, 30 % blind spot 1")

    page.locator(".bs-plot").first.focus()
    page.keyboard.press("Home")
    expect(page.locator(".bs-mix").first).to_have_text("Source alone")
    reads(page, "0.95", "above 0.99")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".bs-mix").first).to_have_text("Source alone")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".bs-mix").first).to_have_text("90 % source, 10 % blind spot 1")
    for _ in range(10):
        page.keyboard.press("ArrowUp")
    expect(page.locator(".bs-mix").first).to_contain_text("lind spot 2")
    for _ in range(12):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowUp")
    expect(page.locator(".bs-mix").first).to_have_text("Blind spot 2 alone")
    expect(page.locator('[role="status"].bs-unseen')).to_contain_text("Blind spot 2 alone")
    expect(page.get_by_text("runs: 1")).to_be_visible()


def test_a_tap_sets_the_point(open_page: OpenPage, demo_url: str) -> None:
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True)
    page.goto(demo_url)
    settle(page)
    box = page.locator(".bs-plot").first.bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + 0.3 * box["width"], box["y"] + 0.79 * box["width"])
    expect(page.locator(".bs-mix").first).to_have_text("70 % source, 30 % blind spot 1")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
