"""The generators that ship: read, damaged, unfit, and made again."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine import data as data_sets
from engine.commands.cli import main
from engine.errors import BadModel, BlindspotError
from engine.models import embedded
from engine.models.embedded import file_of
from engine.unlearning.generator import weights
from engine.unlearning.generator.weights import card, load, names, plan, plans, read
from tests import tiny

DIGITS = "digits-generator"
LABELS = tuple("0123456789")


def test_both_ship_are_small_and_say_how_they_were_made():
    assert names() == tuple(plans()) == (DIGITS, "mnist-generator")
    for name in names():
        assert file_of(name).stat().st_size < 1_000_000
        assert card(name)["plan"]["steps"] == plan(name).steps
        assert load(name).labels == LABELS


@pytest.mark.parametrize("name", [DIGITS, "mnist-generator"])
def test_the_figures_of_a_file_are_found_again(name):
    result, card_figures = weights.figures(weights.shipped_case(name)), card(name)["figures"]
    assert result["read as asked"] == pytest.approx(card_figures["read as asked"], abs=0.011)
    assert result["distance"] == pytest.approx(card_figures["distance"], rel=0.05)
    assert result["read as asked"] >= 0.9
    assert result["distance"] < 4 * result["distance of real images"]


def test_an_unknown_generator_is_refused():
    with pytest.raises(BadModel, match=r"no generator called 'huge'.*digits-generator"):
        load("huge")


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(file_of(DIGITS).read_bytes()[:1000])
    with pytest.raises(BadModel, match=r"x\.safetensors cannot be read"):
        read(path, plan(DIGITS), LABELS)


def test_weights_that_do_not_fit_are_refused_with_the_first_that_does_not(tmp_path):
    tensors, path = load_file(file_of(DIGITS)), tmp_path / "x.safetensors"
    with pytest.raises(BadModel, match=r"'label\.weight' does not fit a network for 4 classes"):
        read(file_of(DIGITS), plan(DIGITS), LABELS[:4])
    with pytest.raises(BadModel, match="16 pixels"):
        read(file_of(DIGITS), replace(plan(DIGITS), side=16), LABELS)
    save_file({name: tensor for name, tensor in tensors.items() if name != "leave.bias"}, path)
    with pytest.raises(BadModel, match=r"leave\.bias"):
        read(path, plan(DIGITS), LABELS)
    save_file(tensors | {"leave.bias": torch.full((1,), float("nan"))}, path)
    with pytest.raises(BadModel, match="no number"):
        read(path, plan(DIGITS), LABELS)


def test_the_command_trains_rounds_and_writes_with_figures(tmp_path, monkeypatch, capsys):
    quick = replace(plan(DIGITS), width=8, steps=3)
    monkeypatch.setattr(weights, "plans", lambda: {DIGITS: quick})
    assert main(["weights", DIGITS, "--out", str(tmp_path), "--seed", "4"]) == 0
    path = file_of(DIGITS, tmp_path)
    assert str(path) in capsys.readouterr().out
    generator = read(path, quick, LABELS)
    assert generator.network.width == 8
    assert all(tensor.dtype == torch.float16 for tensor in load_file(path).values())
    case = replace(weights.shipped_case(DIGITS), generator=generator)
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    monkeypatch.setattr(weights, "file_of", lambda name: path)
    written_card = card(DIGITS)
    assert written_card["plan"]["seed"] == 4
    assert weights.figures(case)["distance"] == pytest.approx(
        written_card["figures"]["distance"], rel=1e-3
    )


def test_a_case_of_other_classes_is_refused():
    case = tiny.generator_case()
    with pytest.raises(BlindspotError, match=r"draws 4 classes, but Digits CNN has 10"):
        replace(case, judge=embedded.load("digits-cnn"))
    with pytest.raises(BlindspotError, match="draws 4 classes"):
        replace(case, data=data_sets.load("digits"))
    with pytest.raises(BlindspotError, match="no training image of the class '0'"):
        replace(case, data=case.data.take(case.data.labels[: len(case.data)].nonzero()[0][:2]))
    learned = case.data.take(case.data.rows("train"))
    with pytest.raises(BlindspotError, match="no test image of the class '0': whether the judge"):
        replace(case, data=learned)
