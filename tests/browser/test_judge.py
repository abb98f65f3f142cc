"""Judge a model: three files are opened and the verdict is read."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from engine.commands.openings.unlearning import FORGOTTEN, forgotten
from engine.core.run import answer
from engine.unlearning import Retrain
from engine.vision.models import embedded
from engine.vision.models.card import ModelCard
from engine.vision.models.rebuild import model_bytes
from tests import plain_loop
from tests.browser.conftest import Visit
from tests.browser.expecting import LONG, expect
from tests.browser.server import choose, settle
from tests.plain_loop import TRAINED, PlainTraining

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The original that ships, what the best way made of it, and the retrained model."""
    folder, case = tmp_path_factory.mktemp("judged"), forgotten()
    results = {"original": embedded.file_of(FORGOTTEN.model)}
    for name, method in (("unlearned", FORGOTTEN.best()), ("retrained", Retrain())):
        view = answer(method, case)["model"]
        results[name] = folder / f"{name}.safetensors"
        results[name].write_bytes(model_bytes(ModelCard.from_json(view.card), view.weights))
    return results


def given(page: Page, files: dict[str, Path]) -> None:
    for name, path in files.items():
        with page.expect_response(lambda got: "upload_file" in got.url):
            page.locator(f".st-key-judge-{name} input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Open them").click()
    settle(page)


def confirm(page: Page) -> None:
    button = page.get_by_role("button", name="That is right: judge them")
    expect(button).to_be_visible(timeout=LONG)
    button.click()


@pytest.mark.slow
def test_three_files_are_opened_and_the_verdict_is_read(
    visit: Visit, files: dict[str, Path]
) -> None:
    page = visit("judge-a-model")
    expect(page.get_by_text("This is a built-in example")).to_be_visible()
    board = page.get_by_role("region", name="Verdict")
    example = board.inner_text()
    given(page, files)
    expect(page.get_by_role("combobox", name="Data that they learned from")).to_have_value(
        "Digits, 8 × 8"
    )
    choose(page, "^Classes", "3")
    page.keyboard.press("Escape")
    confirm(page)
    expect(page.get_by_text("This is a built-in example")).to_have_count(0)
    expect(
        page.get_by_role("heading", name=re.compile("^The unlearned model forgot class 3 as well"))
    ).to_be_visible(timeout=LONG)
    expect(board.get_by_role("row")).to_have_count(4)
    page.get_by_role("button", name=re.compile("^Let the models learn the images again")).click()
    expect(board.get_by_role("row").last).to_contain_text("after 13", timeout=LONG)
    settle(page)
    assert board.inner_text() == example  # to the last digit

    page.get_by_role("radio", name="Heat maps", exact=True).click()
    settle(page)
    expect(page.locator(".bs-stage")).to_have_count(3, timeout=LONG)

    given(page, {"unlearned": files["original"], "original": files["unlearned"]})
    confirm(page)
    wrong = page.get_by_role("heading", name=re.compile("^The unlearned model did not forget"))
    expect(wrong).to_be_visible(timeout=LONG)


@pytest.mark.slow
def test_networks_of_a_plain_loop_are_judged_rightly(visit: Visit, tmp_path: Path) -> None:
    """Weights alone, of a size and normalization that no file says; test images in a file apart."""
    ways = {
        "original": PlainTraining(),
        "unlearned": PlainTraining(seed=4),  # it was not unlearned at all
        "retrained": PlainTraining(without=3, seed=1),
    }
    files = {name: tmp_path / f"{name}.pt" for name in ways}
    for name, how in ways.items():
        files[name].write_bytes(plain_loop.weights(plain_loop.trained(how)))
    for name, rows in (("file", slice(0, TRAINED)), ("test", slice(TRAINED, None))):
        (tmp_path / f"{name}.zip").write_bytes(plain_loop.zipped(rows))
    page = visit("judge-a-model")
    page.get_by_role("textbox", name="Architecture, for weights alone").fill("test_efficientnet")
    given(page, files)
    page.get_by_text("Data of your own", exact=True).click()
    for name in ("file", "test"):
        with page.expect_response(lambda got: "upload_file" in got.url):
            place = page.locator(f".st-key-judge-{name} input[type=file]")
            place.set_input_files(tmp_path / f"{name}.zip")
        settle(page)
    expect(page.get_by_role("combobox", name="Input format")).to_have_value(
        "32 × 32 px, RGB, −1 … 1", timeout=LONG
    )
    choose(page, "^Classes", "3")
    page.keyboard.press("Escape")
    confirm(page)
    verdict = page.get_by_role("heading", name=re.compile("^The unlearned model did not forget"))
    expect(verdict).to_be_visible(timeout=LONG)
