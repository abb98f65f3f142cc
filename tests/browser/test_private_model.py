"""Whose a model is: the browser that made it keeps it through a reload, a link lets others look."""

from __future__ import annotations

import re
from urllib.parse import quote_plus

from playwright.sync_api import Page

from engine.models import checkpoints, embedded
from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.lists import choose
from tests.browser.server import settle


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
    choose(page, "Look at", line, 1.0, typed=line)
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
