"""The search for the images that are hardest to forget, written again step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.unlearning import WorstCase, easiest, hardest
from engine.unlearning.protocol import worst as worst_module
from engine.unlearning.protocol.worst import after_signs
from engine.unlearning.ways.network import own_copy
from engine.weights.case import PruneCase
from tests import tiny


@pytest.fixture(scope="module")
def held():
    model = tiny.learned()
    return model, tiny.columns(model.side, model.labels)


def slowly(model, data, retain, train, rng, epochs):
    """Epochs of sign steps, one weight after the other; then each image's loss by itself."""
    own = own_copy(model)
    for _ in range(epochs):
        order = rng.permutation(retain)
        for part in np.array_split(order, max(1, len(order) // worst_module.BATCH)):
            own.network.zero_grad()
            with torch.enable_grad():
                F.cross_entropy(own(data.pixels(part)), data.targets(part)).backward()
            for weight in own.parameters():
                weight.data -= worst_module.RATE * weight.grad.sign()
    return [
        F.cross_entropy(own(data.pixels(row[None])), data.targets(row[None])).item()
        for row in train
    ]


def test_the_model_learns_on_for_two_epochs_and_no_more(held, monkeypatch):
    monkeypatch.setattr(worst_module, "BATCH", 4)
    monkeypatch.setattr(worst_module, "RATE", 0.01)
    model, data = held
    train = data.rows("train")
    found = after_signs(model, data, train[5:], train, np.random.default_rng(3))
    two, one, three = (
        slowly(model, data, train[5:], train, np.random.default_rng(3), epochs)
        for epochs in (2, 1, 3)
    )
    assert found == pytest.approx(two, rel=1e-3, abs=1e-5)
    assert not np.allclose(found, one, rtol=0.05)
    assert not np.allclose(found, three, rtol=0.05)


def test_with_nothing_left_to_learn_from_the_model_stays_as_it_is(held):
    model, data = held
    train = data.rows("train")
    found = after_signs(model, data, train[:0], train, np.random.default_rng(0))
    assert found == pytest.approx(slowly(model, data, train, train, None, 0), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(("share", "count"), [(0.01, 1), (0.25, 6), (0.4, 10), (0.98, 24)])
def test_so_many_images_are_chosen_as_the_share_says(held, share, count):
    model, data = held
    assert len(data.rows("train")) == 24
    images = WorstCase(share=share, rounds=1)(PruneCase(model, data))["images"]
    assert len(set(images["id"])) == len(images["id"]) == count
    for found in (hardest, easiest):
        assert len(found(model, data, share, rounds=1).ids) == count
