"""Training of prototypes: the loss written out, what is kept, and what cannot be trained."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.attribution.cbc import PrototypeNetwork
from engine.attribution.cbc.learning import certified_loss, inner_network, margin_loss
from engine.attribution.cbc.networks import DEEP, NEGATIVE, POSITIVE, RBF
from engine.core.errors import BlindspotError
from engine.core.run import digest
from engine.evaluation.experiment import ExperimentCase
from engine.vision.training import Batch, train
from tests import tiny
from tests.engine.attribution.cbc import by_hand

SMALL = PrototypeNetwork(components=6, epochs=3)


def case(seed=0, **change):
    return ExperimentCase(replace(tiny.columns(8, ("a", "b", "c")), **change), seed)


def written_out(model, batch):
    """The margin loss, image by image, with plain exponentials."""
    network = inner_network(model)
    gray = batch.pixels.mean(1).flatten(1)
    distances = (gray[:, None] - network.places).square().sum(2).clamp(min=1e-20).sqrt()
    detections = (-distances / network.log_widths.exp()).exp()
    powers = network.head.theta.exp()
    plus, minus = (powers / powers.sum(0)).chunk(2)
    score = detections @ plus + (1 - detections) @ minus
    own = F.one_hot(batch.targets, score.shape[1]).bool()
    rival = score.masked_fill(own, -torch.inf).amax(1)
    return (rival - score[own] + 0.025).clamp(min=0)


def test_the_network_is_that_of_a_training_with_the_loss_written_out():
    result, data = SMALL(case()), case().data
    model = SMALL.fresh(data, 0)
    train(model, data, SMALL.recipe, 0, objective=written_out)
    for name, expected in model.network.state_dict().items():
        assert result["network"].weights[name] == pytest.approx(expected.numpy(), abs=1e-3)
    again = SMALL.restored(result["network"], data)
    with torch.no_grad():
        logits = again(data.pixels())
        assert logits.numpy() == pytest.approx(model(data.pixels()).numpy(), abs=1e-3)
        rows = data.rows("test")
        right = (logits[rows].argmax(1) == data.targets(rows)).float().mean().item()
    assert result["figures"]["test accuracy"] == pytest.approx(right, abs=1e-3)
    assert SMALL.finding(case(), {"figures": {"test accuracy": 0.8714}}) == (
        "87.1 % of the test images are read right with 6 prototypes."
    )
    plus, minus = inner_network(again).head.reasons()
    assert result["reasons"].values == pytest.approx((plus - minus).detach().numpy(), abs=1e-6)
    prototypes = result["prototypes"].images.reshape(-1, 8, 8)[:6] / 255
    places = inner_network(again).places.detach().view(6, 8, 8).clamp(0, 1).numpy()
    assert np.abs(prototypes - places).max() <= 0.5 / 255 + 1e-6


def test_each_class_begins_with_prototypes_of_its_own():
    data = case().data
    network = inner_network(SMALL.fresh(data, 4))
    train_rows = data.rows("train")
    flat = data.images[train_rows].reshape(len(train_rows), -1) / 255
    labels = [
        int(data.labels[train_rows[np.abs(flat - place.numpy()).max(1).argmin()]])
        for place in network.places.detach()
    ]
    assert sorted(labels) == [0, 0, 1, 1, 2, 2]


def test_the_certified_loss_is_the_bound_written_out_and_at_no_distance_the_margin_loss():
    data = case().data
    model = SMALL.fresh(data, 0)
    rows = data.rows("train")
    batch = Batch(rows, data.pixels(rows), data.targets(rows))
    plain = margin_loss(model, batch, 0.3)
    losses = [certified_loss(model, batch, 0.3, distance) for distance in (0.0, 0.2, 0.5)]
    assert torch.allclose(plain, losses[0], atol=1e-5)
    assert (losses[1] >= losses[0] - 1e-6).all()
    assert losses[2].mean() > losses[1].mean() > losses[0].mean()
    network, row, radius = inner_network(model), rows[:1], 0.25
    label = int(data.labels[row[0]])
    first = Batch(row, data.pixels(row), data.targets(row))
    image, widths = (data.images[row].reshape(-1) / 255).tolist(), network.widths.tolist()
    detections = np.array(by_hand.detections(image, network.places.tolist(), widths))
    theta = network.head.theta.detach().double().numpy()
    plus, minus = np.array([by_hand.reasons(c.tolist(), NEGATIVE, 6) for c in theta.T]).swapaxes(
        0, 1
    )
    grown, leads = np.exp(radius / np.array(widths)), []
    for other in {0, 1, 2} - {label}:
        gains = (plus - minus)[label] - (plus - minus)[other]
        parts = gains * np.where(gains > 0, detections / grown, np.minimum(1, detections * grown))
        leads.append((minus[label] - minus[other]).sum() + parts.sum())
    result = certified_loss(model, first, 0.3, radius)
    assert result.item() == pytest.approx(max(0.3 - min(leads), 0), abs=1e-5)


def test_an_interrupted_training_goes_on_to_the_same_bits(monkeypatch, empty_home):
    monkeypatch.setattr("engine.vision.training.loop.KEEP_SECONDS", 0.0)
    monkeypatch.setattr("engine.vision.training.loop.REPORT_SECONDS", 0.0)
    whole = SMALL(case())

    def stop(done, _words="", _partial=None):
        if done > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SMALL(case(), stop)
    checkpoint = empty_home / "training" / f"{digest(SMALL, case())}.safetensors"
    assert checkpoint.is_file()
    again = SMALL(case())
    for name, weights in whole["network"].weights.items():
        assert np.array_equal(weights, again["network"].weights[name])
    assert not checkpoint.is_file()


@pytest.mark.parametrize("reasoning", [POSITIVE, RBF])
def test_other_reasonings_are_trained_as_well(reasoning):
    result = replace(SMALL, reasoning=reasoning, epochs=30)(case())
    assert result["figures"]["train accuracy"] > 0.6


def test_prototypes_of_the_deep_form_are_patches_of_training_images():
    method = replace(SMALL, network=DEEP)
    result = method(case())
    data, patches = case().data, result["prototypes"].images.reshape(-1, 5, 5)[:6]
    views = np.lib.stride_tricks.sliding_window_view(
        data.images[data.rows("train")][:, 0], (5, 5), axis=(1, 2)
    ).reshape(-1, 5, 5)
    model = inner_network(method.restored(result["network"], data))
    with torch.no_grad():
        shares = model.maps(data.pixels(data.rows("train"))).amax((0, 2, 3))
        for place, patch in enumerate(patches):
            assert (views == patch).all((1, 2)).any()
            picture = torch.from_numpy(patch / np.float32(255)).expand(1, 3, 5, 5)
            share = model.maps(picture)[0, place].item()
            assert share == pytest.approx(shares[place].item(), abs=1e-4)


@pytest.mark.parametrize(
    ("change", "settings", "words"),
    [
        ({"labels": np.zeros(48, np.int64)}, {}, "has one class"),
        ({"classes": tuple("abcdefg")}, {}, "has 7 classes: choose at least 7 prototypes"),
        ({}, {"components": 30}, "has 24 training images, fewer than the 30 prototypes"),
        ({"split": np.zeros(48, np.uint8)}, {}, "no test images"),
        ({"images": np.zeros((48, 1, 70, 70), np.uint8)}, {}, "of 70 px"),
        ({"images": np.zeros((48, 1, 8, 9), np.uint8)}, {}, "must be square"),
        ({}, {"robust": 0.5, "network": DEEP}, "Only the shallow network"),
        ({}, {"robust": 0.5, "reasoning": RBF}, "Only the shallow network"),
    ],
)
def test_what_cannot_be_trained_is_said(change, settings, words):
    with pytest.raises(BlindspotError, match=words):
        replace(SMALL, **settings)(case(**change))
