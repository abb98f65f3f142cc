"""A person pins two maps as they are seen, compares them, and files the report."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenPage, Visit
from tests.browser.expecting import expect
from tests.browser.server import settle
from tests.browser.test_first_screens import check_tray
from tests.browser.test_journeys import upload

LINK = {
    "image": "From a data set",
    "data": "Digits, 8 × 8",
    "model": "Digits CNN",
    "heatmaps.methods": ["Grad-CAM", "Gradient"],
    "trust.on": "false",
}


def pin(page: Page, title: str, method: str) -> None:
    settle(page)  # a popover that opens is drawn once more, and what is pressed then may be lost
    page.get_by_test_id("stPopoverBody").get_by_text(title, exact=True).first.click()
    settle(page)
    page.locator(f".st-key-heatmaps-{method}-pin").get_by_role("button", name="Pin").click()
    settle(page)


def test_two_maps_are_pinned_as_seen_compared_and_filed_as_a_report_that_needs_no_network(
    visit: Visit, open_page: OpenPage, tmp_path: Path
) -> None:
    page = visit("heatmaps", LINK)
    page.get_by_role("slider", name="Opacity").fill("85")
    settle(page)  # what is pressed while the page is drawn anew may be lost
    page.get_by_role("button", name="Share", exact=True).click()
    pin(page, "Grad-CAM", "GradCam")
    expect(page.get_by_text("Pinned. The tray holds 1 result.")).to_be_visible()
    pin(page, "Gradient", "Gradient")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Tray (2)").click()
    settle(page)
    expect(page.get_by_role("strong").filter(has_text="1. Grad-CAM")).to_be_visible()
    check_tray(page)

    page.get_by_text("Swipe", exact=True).click()
    settle(page)
    page.get_by_role("slider", name=re.compile("^Edge between Left: Grad-CAM")).fill("20")
    clip = page.locator(".bs-swipe-over").evaluate("node => node.style.clipPath")
    assert clip == "inset(0px 80% 0px 0px)"

    page.get_by_role("button", name="Make the report").click()
    save = page.get_by_role("button", name=re.compile("^Download"))
    with page.expect_download() as waiting:
        save.click()
    file = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(file)
    assert file.name == "blindspot-report.html"

    paper = open_page(offline=True)
    urls: list[str] = []
    paper.on("request", lambda request: urls.append(request.url))
    paper.goto(file.as_uri())
    expect(paper.get_by_role("heading", name="Report of 2 results")).to_be_visible()
    expect(paper.get_by_text("85 % opacity").first).to_be_visible()
    assert paper.evaluate("[...document.images].every(one => one.naturalWidth > 0)")
    assert all(url.startswith(("file:", "data:")) for url in urls)
    printed = paper.pdf(prefer_css_page_size=True, print_background=True)
    assert printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") >= 2


@pytest.mark.journey
def test_a_photograph_of_ones_own_is_explained_and_filed_as_a_report_as_it_is_seen(
    visit: Visit, tmp_path: Path
) -> None:
    link = {"heatmaps.methods": "Gradient", "trust.on": "false", "model": "Digits CNN"}
    page = visit("heatmaps", link)
    upload(page, tmp_path / "cup.jpg")
    expect(page.get_by_test_id("stSidebar").locator(".bar[aria-pressed=true]")).to_be_visible()
    expect(page.get_by_text(re.compile(r"digits-cnn \w+ · attribution\.Gradient"))).to_be_visible()
    expect(page.locator(".bs-stage canvas")).to_be_visible()
    settle(page)
    page.get_by_role("slider", name="Opacity").fill("85")
    page.get_by_role("button", name="Share", exact=True).click()
    button = page.get_by_role("button", name="Report", exact=True)
    saved: list[str] = []
    page.on("download", lambda file: saved.append(file.suggested_filename))
    with page.expect_download() as waiting:
        button.click()
    file = tmp_path / "one.html"
    waiting.value.save_as(file)
    html = file.read_text("utf-8")
    assert html.count("<article") == 1
    assert "85 % opacity" in html
    settle(page)
    expect(button).to_be_focused()
    page.get_by_role("button", name="Pin", exact=True).click()  # which draws the page again
    expect(page.get_by_text("Pinned. The tray holds 1 result.")).to_be_visible()
    assert saved == ["blindspot-report.html"]
