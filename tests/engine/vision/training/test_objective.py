"""What is learned is what the objective says, on the targets that are given."""

from dataclasses import replace
from functools import partial
from importlib import import_module

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.core.errors import BlindspotError
from engine.vision.models.threads import one_thread
from engine.vision.training import (
    Recipe,
    augmented,
    binary_cross_entropy,
    cross_entropy,
    fresh,
    squared_error,
)
from engine.vision.training.objective import labels_right
from engine.vision.training.question import name_of
from tests.engine.vision.training.test_loop import EVERYTHING, RECIPE, same, trained

LABELS = np.random.default_rng(3).integers(0, 2, (45, 3))


def by_hand(model, batch):
    """Cross-entropy as anybody would write it."""
    return F.cross_entropy(model(batch.pixels), batch.targets, reduction="none")


def test_cross_entropy_is_what_is_left_out(data):
    plain, log = trained(data)
    explicit, again = trained(data, objective=cross_entropy)
    custom, _ = trained(data, objective=by_hand)
    assert same(plain, explicit)
    assert same(plain, custom)
    np.testing.assert_array_equal(log.validation_accuracy, again.validation_accuracy)


def test_a_label_is_right_on_the_side_of_one_half_and_a_half_itself_says_no():
    outputs, targets = torch.tensor([[0.0, 1.0], [0.0, -1.0]]), torch.tensor([[0.0, 1.0]] * 2)
    assert labels_right(outputs, targets).tolist() == [1, 0.5]


def test_an_objective_sees_its_batch_and_may_pull(data):
    def pulled(model, batch):
        assert torch.equal(batch.targets, data.targets(batch.rows))
        assert torch.equal(batch.pixels, data.pixels(batch.rows))
        size = sum(p.abs().sum() for p in model.parameters())
        return by_hand(model, batch).mean() + 0.01 * size

    def size(model):
        return sum(p.abs().sum().item() for p in model.parameters())

    assert size(trained(data, objective=pulled)[0]) < 0.8 * size(trained(data)[0])


def written_out(data, targets, loss, recipe=RECIPE):
    """Momentum descent on a loss, plainly."""
    model = fresh(data, recipe, 0)
    optimizer = torch.optim.SGD(model.requires_grad_(True).parameters(), 0.1, 0.9, 0, 0.01)
    for epoch in range(recipe.epochs):
        order = np.random.default_rng([0, epoch]).permutation(data.rows("train"))
        for rows in np.array_split(order, 4):
            with one_thread():  # as trainings are, to the bit
                optimizer.zero_grad()
                loss(model(data.pixels(rows)), torch.from_numpy(targets[rows]).float()).backward()
                optimizer.step()
    return model.requires_grad_(False)


@pytest.mark.parametrize(
    ("objective", "loss"),
    [
        (binary_cross_entropy, F.binary_cross_entropy_with_logits),
        (squared_error, F.mse_loss),
        (cross_entropy, F.cross_entropy),
    ],
    ids=["many labels", "numbers", "shares of classes"],
)
def test_targets_of_several_numbers_are_learned_by_the_textbook_s_loss(data, objective, loss):
    shares = LABELS + 0.5
    targets = shares / shares.sum(1, keepdims=True) if objective is cross_entropy else LABELS
    model, log = trained(data, objective=objective, targets=targets)
    assert same(model, written_out(data, targets, loss))
    rows = data.rows("validation")
    logits, expected = model.logits(data.pixels(rows)), torch.from_numpy(targets[rows]).float()
    assert log.validation_loss[-1] == pytest.approx(loss(logits, expected).item(), rel=1e-5)
    right = {
        binary_cross_entropy: ((logits > 0) == (expected > 0.5)).float().mean().item(),
        squared_error: np.nan,
        cross_entropy: (logits.argmax(1) == expected.argmax(1)).float().mean().item(),
    }[objective]
    assert log.validation_accuracy[-1] == pytest.approx(right, nan_ok=True)
    assert np.isnan(log.train_accuracy).all() == np.isnan(right)


def test_one_number_an_image_is_learned_and_read_as_a_column(data):
    single_class = replace(data, classes=("place",), labels=np.zeros_like(data.labels))
    place = data.labels * 2.0 - 1
    recipe = Recipe("mlp", epochs=40, batch=8, rate=0.02)
    model, log = trained(single_class, recipe, objective=squared_error, targets=place)
    rows = single_class.rows("test")
    predictions = model.logits(single_class.pixels(rows))[:, 0].numpy()
    assert np.square(predictions - place[rows]).mean() < 0.2 * place.var()
    assert log.train_loss[-1] < 0.1 * log.train_loss[0]


def test_a_loss_of_the_whole_batch_is_noted_for_each_image_and_validated_on_plain_ones(data):
    def whole(model, batch):
        training.append(model.training)
        return by_hand(model, batch).mean()

    training = []
    model, log = trained(data, objective=whole)
    plain, other = trained(data)
    assert same(model, plain)
    np.testing.assert_allclose(log.train_loss, other.train_loss, rtol=1e-5)
    np.testing.assert_allclose(log.validation_loss, other.validation_loss, rtol=1e-5)
    assert np.isnan(log.train_accuracy).all()
    assert training == ([True] * 4 + [False]) * 3


def test_weights_go_with_losses_of_each_image_only(data):
    weights = np.linspace(0, 1, len(data)).astype(np.float32)
    weighted, _ = trained(data, weights=weights, objective=by_hand)
    assert same(weighted, trained(data, weights=weights)[0])
    with pytest.raises(BlindspotError, match="Weights need an objective"):
        trained(data, weights=weights, objective=lambda *arguments: by_hand(*arguments).mean())
    labels = {"objective": binary_cross_entropy, "targets": LABELS}
    some, _ = trained(data, weights=weights, **labels)
    assert not same(some, trained(data, **labels)[0])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"targets": LABELS[:4]}, "4 targets for 45 images"),
        ({"targets": np.where(LABELS, np.nan, 0)}, "A target is not a finite number"),
        ({"targets": LABELS[:, :2], "objective": binary_cross_entropy}, r"\(2,\), but .* \(3,\)"),
        ({"objective": squared_error}, r"squared error: .*\(\), but the model gives \(3,\)"),
        ({"targets": LABELS, "recipe": EVERYTHING}, "An attack needs class labels"),
    ],
)
def test_what_does_not_fit_together_is_said(data, given, words):
    with pytest.raises(BlindspotError, match=words):
        trained(data, **given)


def test_an_interrupted_training_is_gone_on_with_for_the_same_objective_and_targets_only(
    data, tmp_path, interrupted
):
    settings = {"objective": binary_cross_entropy, "targets": LABELS, "keep": tmp_path / "state"}
    whole, full = trained(data, **settings)
    for other in ({}, {"targets": 1 - LABELS}, {"objective": squared_error}):
        interrupted(trained, data, **settings, beyond=0.5)
        steps = []
        hook = {"after_step": lambda _model, rate, steps=steps: steps.append(rate)}
        again, log = trained(data, **settings | other | hook)
        assert len(steps) == (12 if other else 6 - 1)
        if not other:
            assert same(whole, again)
            np.testing.assert_array_equal(log.train_loss, full.train_loss)
            np.testing.assert_array_equal(log.train_accuracy, full.train_accuracy)


def test_what_is_kept_knows_objectives_apart_by_name_and_settings(data, tmp_path):
    def local(model, batch):
        return by_hand(model, batch)

    assert same(trained(data, objective=local)[0], trained(data, objective=by_hand)[0])
    with pytest.raises(BlindspotError, match="functions of a module"):
        trained(data, objective=local, keep=tmp_path / "state")
    views = [partial(augmented, recipe=replace(RECIPE, shift=shift)) for shift in (1, 1, 2)]
    names = [name_of(view) for view in views]
    assert names[0] == names[1] != names[2]


def test_a_hook_s_name_is_its_code_and_not_its_file(tmp_path, monkeypatch):
    codes = {
        "first": "def loss(model, batch):\n    return model(batch.pixels).mean()\n",
        "moved": "\n\ndef loss(model, batch):\n    return model(  batch.pixels ).mean()  # same\n",
        "other": "def loss(model, batch):\n    return model(batch.pixels).sum()\n",
    }
    monkeypatch.syspath_prepend(tmp_path)
    for module, code in codes.items():
        (tmp_path / f"hook_{module}.py").write_text(code)
    first, moved, other = (name_of(import_module(f"hook_{module}").loss) for module in codes)
    assert first == moved != other
