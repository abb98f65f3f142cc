"""Prune as a radiologist takes it: a kernel by mouse and keys; slow: criteria, rounds, files."""

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from playwright.sync_api import Page

from engine.sparsity import MaskRules, prune_case, pruner_of, read_masks
from engine.vision.models import catalog
from tests.browser.conftest import Visit
from tests.browser.expecting import LONG, expect
from tests.browser.server import settle

SENTENCE = re.compile("of the weights are taken out")
DIGITS = {"image": "From a data set", "data": "Digits, 8 × 8", "model": "Digits CNN"}


def section(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()
    settle(page)


def sentence(page: Page) -> str:
    return page.get_by_role("heading", name=SENTENCE).inner_text()


def test_a_kernel_is_opened_by_mouse_and_by_keys(visit: Visit) -> None:
    page = visit("prune", {"prune.section": "Kernels", "prune.layer": "conv_stem"})
    wall = page.get_by_role("group", name=re.compile("^Kernels of conv_stem: 32 of 32 filters"))
    filters = wall.get_by_role("button", name=re.compile(r"^Filter \d+: \d+ of 27 weights stay"))
    expect(filters).to_have_count(32)
    filters.nth(6).click()
    settle(page)
    number = filters.nth(6).get_attribute("aria-label") or ""
    expect(filters.nth(6)).to_have_attribute("aria-pressed", "true")
    chosen = re.match(r"Filter (\d+)", number)
    assert chosen
    expect(page.get_by_text(f"{chosen[0]} of the image, before and after")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile(f"^{chosen[0]}, whole model"))).to_be_visible()
    expect(page.get_by_role("img", name=re.compile(f"^{chosen[0]}, pruned"))).to_be_visible()

    filters.nth(6).focus()
    page.keyboard.press("ArrowRight")
    expect(filters.nth(7)).to_be_focused()
    page.keyboard.press("Enter")
    settle(page)
    expect(filters.nth(7)).to_have_attribute("aria-pressed", "true")


@pytest.mark.slow
def test_two_criteria_stand_beside_chance_and_the_masks_are_downloaded(
    visit: Visit, tmp_path: Path
) -> None:
    page = visit("prune", {"prune.section": "Two criteria"})
    expect(page.get_by_text("They agree no more than by chance.")).to_be_visible()
    assert page.get_by_role("img", name=re.compile(r"IoU 0\.\d\d, chance 0\.\d\d")).count() > 40
    page.get_by_role("combobox", name="Magnitude beside").click()
    page.keyboard.type("Taylor")  # the list closes when the page scrolls, and opens as one types
    page.get_by_role("option", name="Taylor", exact=True).click()
    settle(page)
    expect(page.get_by_text("They agree more than by chance.")).to_be_visible(timeout=LONG)

    section(page, "Keep it")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the masks").click()
    file = tmp_path / "masks.npz"
    download.value.save_as(file)
    model = catalog.load()
    masks, about = read_masks(file.read_bytes(), model)
    assert about["ratio"] == 0.3
    assert masks.digest == pruner_of(prune_case(model), "Magnitude", MaskRules()).at(0.3).digest


@pytest.mark.slow
def test_masks_of_all_criteria_stand_beside_each_other_and_a_searched_one_comes_in(
    visit: Visit,
) -> None:
    page = visit("prune", DIGITS | {"prune.section": "All criteria", "prune.ratio": "0.8"})
    expect(page.get_by_text("Most alike:")).to_be_visible(timeout=LONG)
    note = page.get_by_text("In the pieces that they are searched in: Learned N:M, 2:4.")
    expect(note).to_have_count(0)
    page.get_by_role("button", name=re.compile("^Search: Learned N:M, 2:4")).click()
    expect(note).to_be_visible(timeout=LONG)


@pytest.mark.slow
def test_taken_back_to_prune_the_pruned_model_is_in_its_second_round(visit: Visit) -> None:
    page = visit("prune", DIGITS | {"prune.section": "Keep it", "prune.ratio": "0.8"})
    page.get_by_role("button", name="Keep it as a model").click()
    page.get_by_role("button", name="Take it to Prune").click(timeout=LONG)
    round_two = page.get_by_text("Round 2: 80 % of the weights were cut before and stay cut")
    expect(round_two).to_be_visible(timeout=LONG)
    settle(page)
    page.goto(f"{page.url.partition('&prune.ratio')[0]}&prune.ratio=0.9")
    settle(page)
    assert sentence(page).startswith("90 % of the weights are taken out")
    expect(round_two).to_be_visible()


@pytest.mark.slow
def test_a_mask_is_searched_for_and_each_layer_is_cut_alone(visit: Visit) -> None:
    page = visit("prune", DIGITS | {"prune.criterion": "Lottery Jackpot", "prune.ratio": "0.98"})
    expect(page.get_by_role("heading", name=SENTENCE)).to_have_count(0)
    page.get_by_role("button", name="Search for the mask at 98 % cut").click()
    expect(page.get_by_role("heading", name=SENTENCE)).to_be_visible(timeout=LONG)
    settle(page)
    assert sentence(page).startswith("98 % of the weights are taken out")
    section(page, "The search")
    result = page.get_by_role("heading", name=re.compile("No weight moved")).inner_text()
    assert re.search(r"\(SHA-256 [0-9a-f]{8}… before and after\)", result)
    section(page, "Sensitivity")
    page.get_by_role("button", name=re.compile("Cut each layer alone")).click()
    weakest = page.get_by_role("heading", name=re.compile("is the most sensitive layer"))
    expect(weakest).to_be_visible(timeout=LONG)
    assert re.search(r"[\d.]+ % of answers are right on average", weakest.inner_text())


@pytest.mark.slow
def test_two_of_four_weights_are_learned_and_leave_as_an_onnx_file(
    visit: Visit, tmp_path: Path
) -> None:
    learned = {"prune.criterion": "Learned N:M", "prune.structure": "N:M"}
    page = visit("prune", DIGITS | learned | {"model": "Digits MLP", "prune.section": "Keep it"})
    page.get_by_role("button", name="Search for the mask at 2:4").click()
    expect(page.get_by_role("heading", name=SENTENCE)).to_be_visible(timeout=LONG)
    settle(page)
    assert sentence(page).startswith("50 % of the weights are taken out")
    page.get_by_role("button", name="Make the ONNX file").click()
    expect(page.get_by_text("logits differ from PyTorch")).to_be_visible(timeout=LONG)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the ONNX file").click()
    download.value.save_as(tmp_path / "model.onnx")
    weights = [
        onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load(tmp_path / "model.onnx").graph.initializer
        if len(tensor.dims) == 2 and min(tensor.dims) > 10  # of the last layer nothing is cut
    ]
    nonzero_counts = np.concatenate(
        [np.count_nonzero(weight.reshape(-1, 4), 1) for weight in weights]
    )
    assert len(weights) == 2
    assert (nonzero_counts == 2).all()
