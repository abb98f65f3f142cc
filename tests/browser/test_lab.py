"""Data and models in a browser: outlines, a trained network's first screen, a reload."""

from __future__ import annotations

import re

from playwright.sync_api import Page

from tests.browser.expecting import expect
from tests.browser.server import settle
from tests.browser.test_first_screens import check_trained
from tests.browser.test_journeys import stop


def test_a_mask_is_outlined_and_a_trained_network_is_read_without_scrolling(
    app_url: str, page: Page
) -> None:
    page.goto(f"{app_url}/data-and-models?lab.data=Brain+phantoms&lab.show=One+by+one")
    settle(page)
    page.get_by_role("button", name="2: ring", exact=True).press("Enter")
    expect(page.get_by_alt_text("Image 2: ring; outlined: mask")).to_be_visible()
    expect(page).to_have_url(re.compile(r"lab\.image=2"))
    assert reds(page, "Image 2: ring; outlined: mask") > 20
    assert reds(page, "Its twin: the same image without what makes it “ring”") == 0

    page.goto(
        f"{app_url}/data-and-models?lab.part=Train&lab.recipe.architecture=mlp&lab.recipe.epochs=2"
    )
    settle(page)
    page.get_by_role("button", name=re.compile("^Train")).click()
    expect(page.get_by_text("Kept as a model: Digits, 8 × 8 · MLP")).to_be_visible()
    expect(page.locator(".scatterlayer .js-line")).to_have_count(4)
    settle(page)
    check_trained(page)


def test_a_training_goes_on_through_a_reload_and_its_curves_stay_when_it_is_stopped(
    app_url: str, page: Page
) -> None:
    page.goto(
        f"{app_url}/data-and-models?lab.part=Train&lab.data=MNIST,+5000+digits"
        "&lab.recipe.epochs=200&lab.seed=7"  # of digits it would be over before anybody can stop it
    )
    settle(page)
    page.get_by_role("button", name=re.compile("^Train")).click()
    expect(page.get_by_text(re.compile("^Training: epoch"))).to_be_visible()
    page.reload()
    expect(page.get_by_text(re.compile("^Training: epoch"))).to_be_visible()
    expect(page.get_by_text(re.compile("^After .* of 200 epochs"))).to_be_visible()
    stop(page)
    expect(page.get_by_text("What was done by then:")).to_be_visible()
    expect(page.get_by_text(re.compile("^After .* of 200 epochs"))).to_be_visible()
    page.get_by_text("Unfinished trainings").click()  # of other tests, too
    mine = page.get_by_test_id("stHorizontalBlock").filter(has_text="seed 7:")
    mine.get_by_role("button", name="Drop").click()
    expect(mine).to_have_count(0)


def reds(page: Page, words: str) -> int:
    """How many pixels of the picture with these words have the outline's color."""
    count: int = page.get_by_alt_text(words).evaluate(
        """async node => {
          await node.decode();
          const canvas = document.createElement("canvas");
          canvas.width = node.naturalWidth;
          canvas.height = node.naturalHeight;
          const pen = canvas.getContext("2d");
          pen.drawImage(node, 0, 0);
          const held = pen.getImageData(0, 0, canvas.width, canvas.height).data;
          let found = 0;
          for (let at = 0; at < held.length; at += 4)
            if (held[at] === 230 && held[at + 1] === 60 && held[at + 2] === 40) found += 1;
          return found;
        }"""
    )
    return count
