"""Data and models in a browser: outlines, a trained network's first screen, whose a model is."""

import re
from urllib.parse import quote_plus

from playwright.sync_api import Page

from engine.vision.models import checkpoints, embedded
from tests.browser.conftest import OpenPage, Visit
from tests.browser.expecting import expect
from tests.browser.server import choose, settle
from tests.browser.test_first_screens import check_trained
from tests.browser.test_journeys import stop


def test_a_mask_is_outlined_and_a_trained_network_is_read_without_scrolling(
    app_url: str, visit: Visit
) -> None:
    page = visit("data-and-models", {"lab.data": "Brain phantoms", "lab.show": "One by one"})
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
    visit: Visit,
) -> None:
    large = "MNIST, 5000 digits"  # of Digits it would be over before anybody can stop it
    link = {"lab.part": "Train", "lab.data": large, "lab.recipe.epochs": 200, "lab.seed": 7}
    page = visit("data-and-models", link)
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
          const data = pen.getImageData(0, 0, canvas.width, canvas.height).data;
          let count = 0;
          for (let at = 0; at < data.length; at += 4)
            if (data[at] === 230 && data[at + 1] === 60 && data[at + 2] === 40) count += 1;
          return count;
        }"""
    )
    return count


def test_an_imported_model_stays_its_browser_s_and_its_link_lets_others_look(
    app_url: str, page: Page, open_page: OpenPage
) -> None:
    shipped = next(
        stored_model for stored_model in embedded.stored() if stored_model.name == "digits-mlp"
    )
    name = checkpoints.checkpoint_name(shipped.card.fingerprint, shipped.card.labels)
    line = f"{shipped.card.title} · {name[-4:]}"
    models = f"{app_url}/data-and-models?lab.part=Models"
    page.goto(models)
    settle(page)
    page.get_by_test_id("stMain").locator("input[type=file]").set_input_files(shipped.path)
    expect(page.get_by_text(re.compile("^Imported: "))).to_be_visible()
    page.goto(f"{models}&lab.model={quote_plus(line)}")  # a session that knows of no import
    expect(page.get_by_text("The link asks for")).to_be_visible()
    settle(page)
    choose(page, "Look at", line, typed=line)
    delete = page.get_by_role("button", name="Delete")
    expect(delete).to_be_visible()
    expect(page.get_by_test_id("stDownloadButton")).to_have_count(1)
    expect(page).to_have_url(re.compile("key=[0-9a-f]{40}"))
    page.reload()
    settle(page)
    expect(page.get_by_role("heading", name=shipped.card.title)).to_be_visible()
    expect(delete).to_be_visible()

    other = open_page()
    other.goto(page.url)
    settle(other)
    expect(other.get_by_role("heading", name=shipped.card.title)).to_be_visible()
    expect(other.get_by_role("button", name="Take it to Heatmaps")).to_be_visible()
    expect(other.get_by_role("button", name="Delete")).to_have_count(0)
    expect(other.get_by_test_id("stDownloadButton")).to_have_count(0)
    other.goto(re.sub("&?key=[0-9a-f]+", "", page.url))
    settle(other)
    expect(other.get_by_text("The link asks for")).to_be_visible()

    delete.click()
    page.get_by_role("button", name="Delete it for good").click()
    settle(page)
    expect(delete).to_have_count(0)
