"""The tilt of a network's boundary, on networks whose boundary is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from engine import data as data_sets
from engine.attribution.tilt import LocalTilt, TiltedBoundary, local
from engine.attribution.tilt.linear import RIDGE, class_pair, family
from engine.attribution.tilt.local import HEAD, PIXELS, chance
from engine.case import ImageCase
from engine.case.target import Target
from engine.models.catalog import load
from engine.models.classifier import Classifier
from tests import tiny

DIGITS = "digits"


class Flat(nn.Module):
    """Logits of all digits from gray pixels, by one linear layer."""

    def __init__(self, weight, bias):
        super().__init__()
        self.head = nn.Linear(weight.shape[1], len(weight))
        self.head.weight.data, self.head.bias.data = weight, bias

    def forward(self, images):
        return self.head(images.mean(1).flatten(1))


@pytest.fixture
def linear(monkeypatch):
    """Two against three by ridge LDA, as a network; the other classes are far away."""
    monkeypatch.setattr(local, "learned", lambda _model: DIGITS)
    pair = class_pair(data_sets.load(DIGITS), 2, 3, 1.0, 0)
    weights, offset = family(pair, RIDGE, [1e-3])[0]
    weight, bias = torch.zeros(10, 64), torch.full((10,), -1e6)
    weight[3], bias[3], bias[2] = torch.from_numpy(weights).float(), offset, 0.0
    model = Classifier(Flat(weight, bias), "flat", "flat", 8,
                       labels=data_sets.load(DIGITS).classes, device=tiny.CPU)  # fmt: skip
    row = next(one for one in pair.rows if data_sets.load(DIGITS).labels[one] == 2)
    return ImageCase(model, data_sets.load(DIGITS).pixels([row])[0].clone(), Target(2, 3)), pair


def test_of_a_linear_network_angle_and_strength_are_those_of_its_weights(linear):
    case, pair = linear
    found = LocalTilt(images=500)(case)
    weights = case.model.head.weight[3].double().numpy()
    cosine = abs(weights @ pair.apart) / np.linalg.norm(weights) / np.linalg.norm(pair.apart)
    degrees = np.degrees(np.arccos(cosine))
    assert found["angles"].cell(PIXELS, "angle") == pytest.approx(degrees, abs=0.01)
    assert found["angles"].cell(HEAD, "angle") == pytest.approx(degrees, abs=0.01)
    numbers = found["numbers"]
    assert numbers["strength"][0] == pytest.approx(1 / cosine, rel=1e-3)
    assert numbers["expected"][0] == pytest.approx(1 / cosine, rel=1e-4)
    distance = abs(case.model.logits(case.image[None])[0, 3].item()) / np.linalg.norm(weights)
    gray_levels = 255 * distance / np.sqrt(64)
    assert numbers["to the boundary"][0] == pytest.approx(gray_levels, rel=1e-3)


def test_its_angle_is_that_of_the_linear_lab(linear):
    case, pair = linear
    del pair
    table = TiltedBoundary()(tiny_case())["classifiers"]
    at = int(np.argmin(abs(table["λ"][:19] - 1e-3)))
    found = LocalTilt(images=500)(case)
    assert found["angles"].cell(PIXELS, "angle") == pytest.approx(table["angle"][at], abs=0.05)


def tiny_case():
    from engine.experiment import ExperimentCase

    return ExperimentCase(data_sets.load(DIGITS))


@pytest.fixture(scope="module")
def network():
    data = data_sets.load(DIGITS)
    row = int(data.rows("test")[0])
    model = load("digits-cnn")
    image = data.pixels([row])[0].clone()
    return ImageCase(model, image, Target(int(model.logits(image[None]).argmax())))


def test_the_margin_falls_fastest_against_the_gradient(network):
    found = LocalTilt(images=20)(network)
    ways = found["ways"]
    assert ways["along the gradient"][0] == pytest.approx(ways["along the means"][0], abs=1e-5)
    assert ways["along the gradient"][2] < ways["along the means"][2]
    assert found["numbers"]["margin"][0] == pytest.approx(ways["along the gradient"][0], abs=1e-4)


def test_angles_in_pixels_are_those_of_a_gradient_by_finite_differences(network):
    own, rival = local.classes(network)
    found = LocalTilt(images=20)(network)
    data = data_sets.load(DIGITS)
    slope = np.empty(64)
    for place in range(64):
        moved = network.image[None].repeat(2, 1, 1, 1)
        for sign, one in zip((1, -1), moved, strict=True):
            one.reshape(3, 64)[:, place] += sign * 1e-2
        logits = network.model.logits(moved).double()
        margins = logits[:, own] - logits[:, rival]
        slope[place] = float(margins[0] - margins[1]) / 2e-2
    method = LocalTilt(images=20)
    means = [method.means(network.model, data, one, 0)[PIXELS][0].numpy().ravel()
             for one in (own, rival)]  # fmt: skip
    apart = means[0] - means[1]
    cosine = abs(slope @ apart) / np.linalg.norm(slope) / np.linalg.norm(apart)
    wanted = np.degrees(np.arccos(cosine))
    assert found["angles"].cell(PIXELS, "angle") == pytest.approx(wanted, abs=1.5)


def test_means_are_those_of_training_images_of_the_class(network):
    data, method = data_sets.load(DIGITS), LocalTilt(images=500)
    rows = data.rows("train")
    rows = rows[data.labels[rows] == 7]
    means = method.means(network.model, data, 7, 0)
    assert torch.allclose(means[PIXELS], data.pixels(rows).mean(0), atol=1e-6)
    wanted = network.model.features(data.pixels(rows)).mean(0).cpu()
    assert torch.allclose(means[HEAD], wanted, atol=1e-5)


def test_every_layer_has_a_row_between_0_and_90(network):
    table = LocalTilt(images=20)(network)["angles"]
    assert list(table.rows) == [PIXELS, *(one.name for one in network.model.layers), HEAD]
    assert ((table["angle"] >= 0) & (table["angle"] <= 90)).all()


def test_chance_is_the_mean_cosine_of_random_directions():
    rng = np.random.default_rng(0)
    one, two = rng.standard_normal((2, 4000, 50))
    cosines = abs((one * two).sum(1)) / np.linalg.norm(one, axis=1) / np.linalg.norm(two, axis=1)
    assert chance(50) == pytest.approx(np.degrees(np.arccos(cosines.mean())), abs=0.3)


def test_a_model_from_outside_is_refused_with_the_reason():
    assert "class means" in LocalTilt.unmet(tiny.linear_case())
    assert not LocalTilt.unmet(ImageCase(load("digits-mlp"), tiny.image(8), Target(0)))


def test_an_image_on_the_side_of_the_other_class_is_said_to_be_there(linear):
    case, _ = linear
    asked = replace(case, target=Target(3, 2))  # it is a 2
    found = LocalTilt(images=20)(asked)
    told = LocalTilt().finding(asked, found)
    assert "on the side of “2” already" in told
    assert "straight way" not in told
