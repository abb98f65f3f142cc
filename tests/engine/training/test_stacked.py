"""Networks trained together end where each ends that is trained alone."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.errors import BadModel, BlindspotError, Cancelled
from engine.keeping.store import StoredAnswer, pack, unpack
from engine.models.card import card_of, networks
from engine.models.passes import Passes, counting_passes
from engine.models.rebuild import rebuilt
from engine.models.stack import Stack
from engine.training import (
    Recipe,
    binary_cross_entropy,
    fresh,
    loop,
    squared_error,
    train,
    train_stacked,
)
from tests.engine.training.test_loop import RECIPE, same, striped
from tests.engine.training.test_objective import LABELS

SEEDS = (4, 0, 9)
MOVED = replace(RECIPE, shift=1, mirror=True, schedule="one cycle")
RECIPES = {
    "mlp": MOVED,
    "lenet": replace(MOVED, architecture="lenet"),
    "adamw": replace(MOVED, optimizer="AdamW", rate=0.005),
    "batch norm": replace(MOVED, architecture="resnet8", rate=0.02),
}


@pytest.fixture(scope="module")
def data():
    return striped()


def begun(data, recipe=RECIPE, seeds=SEEDS):
    return [fresh(data, recipe, seed) for seed in seeds]


def together(data, recipe=RECIPE, seeds=SEEDS, **given):
    models = begun(data, recipe, seeds)
    return models, train_stacked(models, data, recipe, seeds, **given)


def furthest(one, other):
    """The largest difference of two models' weights and buffers."""
    a, b = one.network.state_dict(), other.network.state_dict()
    return max((a[name].double() - b[name].double()).abs().max().item() for name in a)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_each_ends_at_the_weights_of_a_training_of_its_own(data, recipe):
    models, log = together(data, recipe)
    logs = []
    for model, seed in zip(models, SEEDS, strict=True):
        alone = fresh(data, recipe, seed)
        logs.append(train(alone, data, recipe, seed))
        assert furthest(model, alone) < 1e-6
        assert furthest(model, fresh(data, recipe, seed)) > 1e-3
        assert not model.training
        assert not any(p.requires_grad for p in model.parameters())
    for curve in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"):
        wanted = np.mean([getattr(each, curve) for each in logs], 0)
        np.testing.assert_allclose(getattr(log, curve), wanted, rtol=1e-4)
    np.testing.assert_array_equal(log.shown, sum(each.shown for each in logs))


@pytest.mark.parametrize("architecture", ["mlp", "lenet"])
def test_what_is_left_of_a_difference_is_rounding(data, architecture):
    """In float32 it grows with every step; in float64 nothing is left after sixty."""
    recipe = replace(MOVED, architecture=architecture, epochs=15)
    models = [model.double() for model in begun(data, recipe)]
    train_stacked(models, data, recipe, SEEDS)
    for model, seed in zip(models, SEEDS, strict=True):
        alone = fresh(data, recipe, seed).double()
        train(alone, data, recipe, seed)
        assert furthest(model, alone) < 1e-12


@pytest.mark.parametrize("objective", [binary_cross_entropy, squared_error])
def test_each_learns_its_own_images_and_targets_of_any_kind(data, objective):
    whole = data.rows("train")
    rows = [np.roll(whole, 5 * place)[:20] for place in range(3)]
    models, _ = together(data, rows=rows, objective=objective, targets=LABELS)
    for model, seed, own in zip(models, SEEDS, rows, strict=True):
        alone = fresh(data, RECIPE, seed)
        train(alone, data, RECIPE, seed, rows=own, objective=objective, targets=LABELS)
        assert furthest(model, alone) < 1e-6


def test_its_passes_are_those_of_all_of_them(data):
    bills = []
    for work in (
        lambda: together(data),
        lambda: [train(fresh(data, RECIPE, s), data, RECIPE, s) for s in SEEDS],
    ):
        with counting_passes(bill := Passes()):
            work()
        bills.append((bill.forward, bill.backward))
    assert bills[0] == bills[1] == (3 * 3 * 27, 3 * 3 * 27)


@pytest.mark.parametrize("calls", [1, 6])
def test_an_interrupted_one_goes_on_to_the_same_bits(data, calls, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)
    recipe = RECIPES["batch norm"]
    whole, full = together(data, recipe)
    keep, told = tmp_path / "state.safetensors", []

    def stop(done, words="", partial=None):
        told.append(done)
        if len(told) == calls:
            raise Cancelled("enough")

    models = begun(data, recipe)
    with pytest.raises(Cancelled):
        train_stacked(models, data, recipe, SEEDS, keep=keep, progress=stop)
    assert all(same(a, b) for a, b in zip(models, begun(data, recipe), strict=True))
    begin = []
    again, log = together(data, recipe, keep=keep, progress=lambda done, *_: begin.append(done))
    assert begin[0] > told[-1] - 1e-9
    assert all(same(a, b) for a, b in zip(whole, again, strict=True))
    np.testing.assert_array_equal(log.train_loss, full.train_loss)
    assert not keep.exists()


def test_other_seeds_are_another_question(data, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)

    def stop(*_given):
        raise Cancelled("enough")

    keep = tmp_path / "state.safetensors"
    with pytest.raises(Cancelled):
        train_stacked(begun(data), data, RECIPE, SEEDS, keep=keep, progress=stop)
    models = begun(data)
    train_stacked(models, data, RECIPE, (4, 0, 1), keep=keep)
    alone = fresh(data, RECIPE, SEEDS[2])
    train(alone, data, RECIPE, 1)
    assert furthest(models[2], alone) < 1e-6


def test_a_stack_answers_as_its_networks_do(data):
    models = begun(data, RECIPES["lenet"])
    images = data.pixels(data.rows("test"))
    found = Stack(models)(images.expand(3, -1, -1, -1, -1))
    for model, logits in zip(models, found, strict=True):
        assert torch.allclose(logits, model.logits(images), atol=1e-6)


def test_the_view_of_networks_survives_the_store_and_gives_each_back(data):
    models, _ = together(data, RECIPES["batch norm"])
    cards = [
        card_of(one, seed=seed, made_by="lab.Train", parent=models[0])
        for one, seed in zip(models, SEEDS, strict=True)
    ]
    view = networks(models, cards)
    said, packed = pack(StoredAnswer({"models": view}, {}))
    back = unpack(json.loads(json.dumps(said)), packed).result["models"]
    assert len(back) == 3
    assert back.facts() == view.facts()
    for place, model in enumerate(models):
        again = rebuilt(back[place])
        assert again.fingerprint == model.fingerprint
        assert back[place].parent == models[0].fingerprint
        assert json.loads(back[place].card)["seed"] == SEEDS[place]
    with pytest.raises(IndexError):
        back[3]
    with pytest.raises(ValueError, match="3 models have 2 cards"):
        networks(models, cards[:2])
    with pytest.raises(ValueError, match="0 models have 0 cards"):
        networks([], [])
    with pytest.raises(ValueError, match="2 networks have 3 weights"):
        replace(view, cards=view.cards[:2])


def test_what_cannot_be_trained_together_is_said(data):
    models = begun(data)
    train_rows = data.rows("train")
    with pytest.raises(BlindspotError, match="3 networks, 2 seeds and 3 lists"):
        train_stacked(models, data, RECIPE, (0, 1))
    with pytest.raises(BlindspotError, match="as many images each"):
        train_stacked(models[:2], data, RECIPE, (0, 1), rows=[train_rows, train_rows[1:]])
    with pytest.raises(BlindspotError, match="has no images to train on"):
        train_stacked(models, data, RECIPE, SEEDS, rows=[train_rows[:0]] * 3)
    with pytest.raises(BlindspotError, match="together against attacks"):
        train_stacked(models, data, replace(RECIPE, epsilon=0.1), SEEDS)
    with pytest.raises(BadModel, match="one form and one normalization"):
        train_stacked([*models[:2], fresh(data, Recipe("lenet"))], data, RECIPE, SEEDS)
    with pytest.raises(BadModel, match="no network to stack"):
        train_stacked([], data, RECIPE, ())
    train(models[0], data, RECIPE, masks={"fc1.weight": torch.arange(128 * 64).view(128, 64) > 9})
    with pytest.raises(BlindspotError, match="Pruned networks"):
        train_stacked(models, data, RECIPE, SEEDS)
    wild = replace(RECIPE, rate=1.0, momentum=0.99, epochs=50)
    with pytest.raises(BlindspotError, match=r"no number any more in epoch \d"):
        together(data, wild, objective=squared_error, targets=LABELS * 1e6)
