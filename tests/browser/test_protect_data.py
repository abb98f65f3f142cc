"""Protect data as a visitor goes through it: strength, an upload, the zip, and what is in it."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from engine.unlearning import ProtectedShare, ProtectionVictims
from engine.unlearning.experiments.cuda import CudaExperiment
from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.lists import choose
from tests.browser.server import settle

pytestmark = pytest.mark.timeout(900)
LONG = 240  # seconds: torch is loaded, and others share the machine
OTHER = ProtectedShare.title
SIZES = {"cat/1.png": (40, 30), "cat/2.png": (64, 64), "dog/1.png": (50, 70)}


@pytest.fixture
def clean() -> dict[str, np.ndarray]:
    """Photograph-like images of several sizes, by path."""
    rng = np.random.default_rng(0)
    return {name: rng.integers(0, 256, (*size, 3), dtype=np.uint8) for name, size in SIZES.items()}


@pytest.fixture
def own_zip(tmp_path: Path, clean: dict[str, np.ndarray]) -> Path:
    """They as a zip of class folders."""
    path = tmp_path / "pets.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, pixels in clean.items():
            held = io.BytesIO()
            Image.fromarray(pixels).save(held, "PNG")
            archive.writestr(name, held.getvalue())
    return path


def protected(page: Page) -> dict[str, np.ndarray]:
    """Protect what was opened, and take the images out of the zip that comes back."""
    page.get_by_role("button", name=re.compile("^Protect them: ")).click()
    with page.expect_download(timeout=1000 * LONG) as waiting:
        page.get_by_role("button", name=re.compile("^Download the zip")).click()
    with zipfile.ZipFile(waiting.value.path()) as archive:
        return {
            name: np.asarray(Image.open(io.BytesIO(archive.read(name))))
            for name in archive.namelist()
        }


def most(found: dict[str, np.ndarray], clean: dict[str, np.ndarray]) -> int:
    """The largest change of any pixel."""
    assert found.keys() == clean.keys()
    return max(int(np.abs(found[name].astype(int) - clean[name]).max()) for name in clean)


def test_an_upload_comes_back_protected_by_no_more_than_epsilon(
    app_url: str, open_page: OpenPage, own_zip: Path, clean: dict[str, np.ndarray]
) -> None:
    page = open_page()
    page.goto(f"{app_url}/protect-data?protect.method=Random+noise")
    settle(page, LONG)
    slider = page.get_by_role("slider", name=re.compile("^Noise ε"))
    expect(slider).to_have_value("8")
    with page.expect_response(lambda got: "upload_file" in got.url):
        page.locator(".st-key-protect-zip-file input[type=file]").set_input_files(own_zip)
    settle(page, LONG)
    assert most(protected(page), clean) == 8
    slider.press("ArrowLeft")
    expect(page.get_by_role("heading", name="Random noise, noise ε 7/255")).to_be_visible()
    settle(page, LONG)
    assert most(protected(page), clean) == 7
    slider.press("Home")
    expect(page.get_by_role("heading", name=re.compile("nothing is changed"))).to_be_visible()
    settle(page, LONG)
    assert most(protected(page), clean) == 0


def to_protect_data(page: Page) -> None:
    """By the menu."""
    page.locator("[data-testid=stTopNavSection]", has_text="Unlearning").click()
    page.get_by_role("menuitem", name="Protect data").click()
    settle(page, LONG)


def onward(page: Page, title: str) -> None:
    """From Protect data to the experiment that it links to."""
    page.get_by_role("link", name=re.compile("^Does it work")).click()
    settle(page, LONG)
    expect(page.get_by_role("radio", name=title)).to_be_checked()


@pytest.mark.slow
def test_a_victim_is_trained_in_the_experiment_that_the_page_links_to(
    app_url: str, open_page: OpenPage
) -> None:
    page = open_page()
    page.goto(f"{app_url}/unlearning-experiments")
    settle(page, LONG)
    page.locator("[data-testid=stSidebar]").get_by_text(OTHER).click()
    settle(page, LONG)
    to_protect_data(page)
    onward(page, CudaExperiment.title)  # the first of the list, though another one was kept
    to_protect_data(page)
    page.get_by_role("radio", name="Random noise", exact=True).click()
    settle(page, LONG)
    onward(page, ProtectionVictims.title)
    page.get_by_text("Settings", exact=True).click()
    choose(page, "^Network", "MLP", LONG)
    for name in ("Seeds", "Epochs", "Rounds"):
        settle(page, LONG)
        page.get_by_role("slider", name=re.compile(f"^{name}")).press("Home")
    settle(page, LONG)
    page.get_by_role("button", name="Run the experiment").click()
    expect(page.get_by_text(re.compile(r"claims? hold"))).to_be_visible(timeout=1000 * LONG)
    settle(page, LONG)
    expect(page.get_by_text("Victims do learn the protected images")).to_be_visible()
