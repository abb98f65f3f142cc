"""What the default model says about the photographs that come with the app, pinned.

A hundredth of room is left because JPEG decoders differ a little.
"""

from __future__ import annotations

import pytest
import torch

from engine.images import Crop, square
from engine.images.samples import sample
from engine.models.lite import load_lite


@pytest.fixture(scope="module")
def model():
    return load_lite()


@pytest.mark.parametrize(
    ("name", "label", "probability"),
    [
        ("chelsea", "Egyptian cat", 0.384),
        ("coffee", "espresso", 0.940),
        ("camera", "tripod", 0.950),
        ("china", "palace", 0.302),
        ("flower", "daisy", 0.215),
        ("motorcycle", "moped", 0.702),
        ("hopper", "military uniform", 0.401),
    ],
)
def test_the_photograph_is_seen_as(model, name, label, probability):
    pixels = torch.from_numpy(square(sample(name), Crop(), model.side))
    probabilities = model(pixels[None].to(model.device)).softmax(1)[0]
    assert model.labels[probabilities.argmax()] == label
    assert probabilities.max().item() == pytest.approx(probability, abs=0.01)
