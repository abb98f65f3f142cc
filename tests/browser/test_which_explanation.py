"""A person compares eight explainers on a digit, moves σ, and asks for advice."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from playwright.sync_api import Page

from tests.browser.expecting import expect
from tests.browser.server import eventually, settle

LINK = {"image": "From a data set", "data": "Digits, 8 × 8", "model": "Digits CNN"}


def test_it_opens_with_eight_maps_of_a_photograph_already_on_trial(
    app_url: str, page: Page
) -> None:
    page.goto(f"{app_url}/which-explanation")
    settle(page)
    expect(page.get_by_text(re.compile("trust .* here"))).to_be_visible()
    expect(page.get_by_text("kept from before")).to_be_visible()
    expect(page.locator(".bs-read")).to_have_count(8 + 2 + 1)  # ends, and where they disagree
    expect(page.get_by_text("being computed")).to_have_count(0)


def test_sigma_turns_smoothgrad_into_the_gradient_and_advice_follows_the_change(
    app_url: str, page: Page
) -> None:
    page.goto(f"{app_url}/which-explanation?{urlencode(LINK)}")
    settle(page)
    advice = page.get_by_text(re.compile("trust .* here"))
    expect(advice).to_contain_text("For small changes of brightness, trust SmoothGrad here")
    eight = page.locator(".bs-viewer").filter(has=page.locator(".bs-panel:nth-child(4)"))
    finding = eight.first.locator(".bs-read")  # of the maps that are fitted to slopes
    before, gradient = eventually(
        lambda: finding.all_text_contents()[:2], lambda read: len(read) == 2 and all(read)
    )

    sigma = page.get_by_role("slider", name="Noise σ")
    sigma.focus()
    sigma.press("Home")
    expect(finding.nth(0)).not_to_have_text(before)
    settle(page)
    expect(finding.nth(1)).to_have_text(gradient)

    page.get_by_role("radio", name="Parts taken away, one at a time").click()
    expect(advice).to_contain_text("trust Occlusion here: it predicts over 99.9 %")
    expect(page.get_by_text("No free lunch:")).to_be_visible()
    for folded in ("Each explainer where the others look", "Do the maps agree, and where not?"):
        page.get_by_text(folded).click()
    settle(page)
    page.get_by_role("radio", name="Direction").click()
    expect(page.get_by_text("Direction: the cosine between two maps")).to_be_visible()
    for matrix in page.locator("[class*=st-key-wide-]").all():  # none is cut at the right
        assert matrix.evaluate("node => node.scrollWidth <= node.clientWidth")
    assert "change=Parts" in page.url
    assert "noise=" in page.url

    page.set_viewport_size({"width": 390, "height": 844})
    settle(page)
    matrix = page.locator("[class*=st-key-wide-] [data-testid=stPlotlyChart]").first
    matrix.scroll_into_view_if_needed()
    box = matrix.bounding_box()
    assert box is not None
    assert box["width"] >= 410  # eight columns of numbers; the matrix is scrolled, the page is not
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
