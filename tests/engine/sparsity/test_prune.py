"""A pruned model is a model like any other: kept, exported, built again, trained with its zeros."""

import json
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.core.errors import BadModel, BlindspotError, Cancelled, DoesNotFit
from engine.sparsity import (
    LearnedPattern,
    MaskRules,
    Prune,
    PruneCase,
    RetrainPruned,
    agreement_only,
    keep,
    masks_in,
    photographs,
    prune_case,
    pruner_of,
    shrunk,
)
from engine.sparsity.jackpot.criterion import Jackpot
from engine.sparsity.prune import learnt_from
from engine.vision import data as data_sets
from engine.vision.models import checkpoints, embedded
from engine.vision.models.card import ModelCard, card_of, checkpoint, weights_of
from engine.vision.models.catalog import data_of
from engine.vision.models.rebuild import model_bytes, read_model, rebuilt
from engine.vision.training import Recipe, fresh, loop, train
from engine.vision.training.state import unfinished
from tests import tiny
from tests.engine.sparsity.cases import stop_after

pytestmark = pytest.mark.usefixtures("empty_home")


def test_a_pruned_model_is_kept_and_built_again_to_the_bit_with_its_masks(digits):
    result = Prune(ratio=0.9)(digits)
    stored = keep(result)
    model = checkpoints.load(stored.name)
    stored_bytes = sum(bits.nbytes for bits in result["model"].masks.values())
    assert stored_bytes == sum(-(-part.size // 8) for part in masks_in(model).parts)  # one bit each
    masks = pruner_of(digits, "Magnitude", MaskRules()).at(0.9)
    assert np.array_equal(masks_in(model).flat, masks.flat)
    for part in masks.parts:
        weight = model.network.get_parameter(part.name)
        assert torch.equal(weight, digits.model.network.get_parameter(part.name) * masks[part.name])
    assert model.fingerprint == rebuilt(result["model"]).fingerprint == stored.card.fingerprint
    assert model.lineage.parent == digits.model.fingerprint
    assert model.lineage.trail == "Digits MLP ▸ 90.0 % cut · Magnitude"
    assert json.loads(model.lineage.settings)["ratio"] == 0.9
    exported = checkpoints.export(stored.name)
    checkpoints.delete(stored.name)
    again = checkpoints.bring_in(exported, "out.safetensors")
    assert again.card == stored.card
    assert np.array_equal(masks_in(checkpoints.load(again.name)).flat, masks.flat)


def test_a_smaller_model_is_built_again_as_wide_as_it_is(digits):
    settings = {"structure": "group", "allocation": "per layer", "ratio": 0.5}
    zeros, small = Prune(**settings)(digits), Prune(**settings, smaller=True)(digits)
    model = checkpoints.load(keep(small).name)
    assert model.network.fc1.out_features == 64
    assert model.narrowed
    pixels = digits.data.pixels(digits.data.rows("test")[:50])
    expected = rebuilt(zeros["model"]).logits(pixels)
    torch.testing.assert_close(model.logits(pixels), expected, rtol=1e-5, atol=1e-5)
    assert small["figures"]["test accuracy"] == zeros["figures"]["test accuracy"]


def test_a_pruned_copy_is_asked_about_what_its_model_learned_here_or_about_photographs(digits):
    model = embedded.load("digits-mlp")
    case = PruneCase(model, photographs(model))
    child = checkpoints.load(keep(Prune(ratio=0.5)(case)).name)
    assert data_of(child) == ""
    assert agreement_only(prune_case(child))
    assert learnt_from(case) == ""
    child = checkpoints.load(keep(Prune(ratio=0.6)(digits)).name)
    assert data_of(child) == learnt_from(digits) == "digits"


def test_figures_are_the_shares_that_are_right(digits):
    result = Prune(ratio=0.95)(digits)
    rows = digits.data.rows("test")
    for name, model in (
        ("test accuracy", rebuilt(result["model"])),
        ("test accuracy of the dense model", digits.model),
    ):
        right = model.logits(digits.data.pixels(rows)).argmax(1) == digits.data.targets(rows)
        assert result["figures"][name] == pytest.approx(right.float().mean().item(), abs=1e-6)


def test_retraining_wins_accuracy_back_and_no_zero_moves(digits):
    result = RetrainPruned(ratio=0.97, epochs=4)(digits)
    accuracies = result["figures"]
    assert accuracies["test accuracy"] > accuracies["test accuracy right after pruning"] + 0.02
    model = rebuilt(result["model"])
    masks = masks_in(model)
    for part in masks.parts:
        weight = model.network.get_parameter(part.name)
        assert not weight[~masks[part.name]].any()
        dense = digits.model.network.get_parameter(part.name)
        assert not torch.equal(weight, dense * masks[part.name])
    assert result["log"].done == 4


def test_a_cancelled_retraining_leaves_no_model_and_goes_on_when_asked_again(digits, monkeypatch):
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)
    method = RetrainPruned(ratio=0.9, epochs=2)
    whole = method(digits)["model"].digest
    with pytest.raises(Cancelled):
        method(digits, stop_after(0.5))
    assert len(unfinished()) == 1
    assert method(digits)["model"].digest == whole
    assert unfinished() == ()


def test_a_model_whose_parent_was_deleted_is_there_and_becomes_a_root(digits):
    first = keep(Prune(ratio=0.5)(digits))
    second = keep(Prune(ratio=0.8)(replace(digits, model=checkpoints.load(first.name))))
    checkpoints.delete(first.name)
    model = checkpoints.load(second.name)
    assert model.lineage.trail.count("▸") == 2
    assert [depth for depth, entry in checkpoints.tree(checkpoints.visible_models())] == [0]
    assert keep(Prune(ratio=0.9)(replace(digits, model=model))).card.parent == model.fingerprint


def test_cutting_nothing_more_gives_no_second_copy_of_the_model(digits):
    half = PruneCase(checkpoints.load(keep(Prune(ratio=0.5)(digits)).name), digits.data)
    for case, ratio in ((digits, 0.0), (half, 0.3)):
        with pytest.raises(BlindspotError, match="Nothing was cut"):
            keep(Prune(ratio=ratio)(case))
    with pytest.raises(BlindspotError, match="no model in this result"):
        keep({})


def test_masks_that_do_not_fit_their_weights_are_refused(digits):
    view = Prune(ratio=0.9)(digits)["model"]
    card, model = ModelCard.from_json(view.card), rebuilt(view)
    for masks, words in (
        ({"fc1.weight": view.masks["fc1.weight"][:-1]}, "does not have"),
        ({"fc9.weight": view.masks["fc1.weight"]}, "no such weight"),
        ({"fc1.weight": np.zeros_like(view.masks["fc1.weight"])}, "is not 0 where its mask"),
    ):
        with pytest.raises(BadModel, match=words):
            read_model(model_bytes(card, weights_of(model), masks), "odd.safetensors", "odd")


def test_a_narrow_file_whose_layers_do_not_fit_each_other_is_refused(digits):
    method = Prune(structure="group", allocation="per layer", ratio=0.5, smaller=True)
    view = method(digits)["model"]
    card, weights = ModelCard.from_json(view.card), dict(view.weights)
    weights["fc2.weight"] = weights["fc2.weight"][:, :-1]
    with pytest.raises(BadModel, match="its layers do not fit each other"):
        read_model(model_bytes(card, weights), "odd.safetensors", "odd")
    whole = model_bytes(replace(card, narrowed=False), dict(view.weights))
    with pytest.raises(BadModel, match="has the shape"):
        read_model(whole, "odd.safetensors", "odd")


def test_what_cannot_be_pruned_says_why():
    with pytest.raises(DoesNotFit, match="needs a convolution or a linear layer"):
        Prune().check(tiny.prune_case(tiny.linear_case().model))
    with pytest.raises(DoesNotFit, match=PruneCase.what):
        Prune().check(tiny.cnn_case())
    bare = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 4))
    with pytest.raises(DoesNotFit, match="besides the head"):
        Prune().check(tiny.prune_case(tiny.classifier(bare, side=8)))
    model = tiny.cnn()
    data = tiny.data_for(model)
    for method in (RetrainPruned(), Jackpot(), LearnedPattern()):
        with pytest.raises(DoesNotFit, match="it needs images to learn from"):
            method.check(PruneCase(model, data.take(data.rows("test"))))
    with pytest.raises(BlindspotError, match="no test images"):
        PruneCase(model, data.take(data.rows("train")))
    with pytest.raises(BlindspotError, match="has 10 classes"):
        PruneCase(model, data_sets.load("digits"))
    with pytest.raises(BlindspotError, match="8 × 8"):
        PruneCase(embedded.load("mnist-mlp"), data_sets.load("digits"))
    with pytest.raises(BlindspotError, match="seed"):
        PruneCase(model, data, -1)


def test_whatever_trains_a_pruned_model_later_keeps_its_zeros(digits):
    model = deepcopy(rebuilt(Prune(ratio=0.9)(digits)["model"]))
    masks = masks_in(model)
    train(model, digits.data, Recipe(epochs=1, rate=0.05, decay=0.001))
    assert np.array_equal(masks_in(model).flat, masks.flat)
    for name in masks:
        assert not model.network.get_parameter(name)[~masks[name]].any()
    train(model, digits.data, Recipe(epochs=1), masks={})
    assert masks_in(model) is None
    assert model.network.get_parameter("fc1.weight")[~masks["fc1.weight"]].any()


def test_masks_whose_zeros_were_changed_by_hand_are_not_kept(digits):
    model = deepcopy(rebuilt(Prune(ratio=0.9)(digits)["model"]))
    with torch.no_grad():
        model.network.fc1.weight.add_(0.1)
    model = deepcopy(model)
    view = checkpoint(model, card_of(model, title="by hand", parent=digits.model))
    assert list(view.masks) == ["fc2.weight"]
    assert checkpoints.load(checkpoints.keep(view).name).masks.keys() == {"fc2.weight"}


def test_retrained_groups_stay_silent_and_can_be_taken_out_afterwards(digits):
    recipe = Recipe("resnet8", epochs=1, batch=128, width=0.5)
    model = fresh(digits.data, recipe, 0)
    train(model, digits.data, recipe)
    case = PruneCase(model, digits.data)
    result = RetrainPruned(structure="group", allocation="per layer", ratio=0.5, epochs=1)(case)
    zeros = rebuilt(result["model"])
    smaller = shrunk(zeros)
    assert smaller.after < 0.3 * smaller.before
    pixels = digits.data.pixels(digits.data.rows("test")[:50])
    expected = zeros.logits(pixels)
    torch.testing.assert_close(smaller.model.logits(pixels), expected, rtol=1e-4, atol=1e-4)


def test_a_smaller_model_can_be_made_smaller_again_and_masks_stay_where_nothing_can_go(digits):
    settings = {"structure": "group", "allocation": "per layer", "ratio": 0.5, "smaller": True}
    once = checkpoints.load(keep(Prune(**settings)(digits)).name)
    twice = checkpoints.load(keep(Prune(**settings)(replace(digits, model=once))).name)
    assert twice.network.fc1.out_features == 32
    zeros = checkpoints.load(keep(Prune(ratio=0.5)(replace(digits, model=once))).name)
    assert zeros.narrowed
    assert masks_in(zeros).sparsity == pytest.approx(0.5, abs=1e-3)
    view = Prune(ratio=0.3, smaller=True)(digits)["model"]
    assert view.masks.keys() == {"fc1.weight", "fc2.weight"}
    assert not json.loads(view.card)["narrowed"]
