"""The trial of maps: what a good map passes, and each kind of bad one is caught by."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from engine.attribution.gradient import Gradient
from engine.attribution.gradient_x_input import GradientXInput
from engine.attribution.trust import (
    TRUST,
    Nudged,
    Order,
    OtherClass,
    Place,
    RandomWeights,
    Repeats,
    Shape,
    TrustCase,
)
from engine.attribution.trust.dear import randomized
from engine.case import ImageCase
from engine.data import load as load_data
from engine.method import Method, quiet
from engine.models import embedded
from engine.models.classifier import Classifier
from engine.result import HeatMap


class Linear(nn.Module):
    """Three classes that score weights times pixels."""

    def __init__(self, weight):
        super().__init__()
        self.head = nn.Linear(weight[0].numel(), len(weight), bias=False)
        self.head.weight.data = weight.flatten(1)

    def forward(self, images):
        return self.head(images.flatten(1))


@dataclass(frozen=True)
class Toy(Method[ImageCase]):
    """A map made by a function of the case; for tests."""

    family = "example"
    name = "Toy"
    title = "Toy"
    cost = "live"
    draw: ClassVar

    def __call__(self, case, progress=quiet):
        return {"map": HeatMap(self.draw(case).astype(np.float32), "one", signed=True)}


def toy(draw):
    made = type("Toy", (Toy,), {"draw": staticmethod(draw), "revision": id(draw)})
    return made()


@pytest.fixture(scope="module")
def linear():
    weight = torch.randn(3, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    image = torch.rand(3, 12, 12, generator=torch.Generator().manual_seed(1))
    return ImageCase(Classifier(Linear(weight), "toy", "toy", side=12), image, target=1)


@pytest.fixture(scope="module")
def digit():
    data = load_data("digits")
    row = data.rows("test")[3]
    image = torch.from_numpy(data.images[row] / np.float32(255)).expand(3, -1, -1).contiguous()
    return ImageCase(embedded.load("digits-cnn"), image, target=int(data.labels[row]))


def check_of(check, case, method, mask=None):
    return check(TrustCase(case, method, mask))["check"]


def verdict(found):
    return found["verdict"][0]


def test_a_map_of_the_weights_beats_random_orders(linear):
    found = check_of(Order(), linear, GradientXInput())
    assert verdict(found) == 1
    assert found["insertion"][0] > found["insertion_random"][0]


def test_a_map_against_the_weights_is_caught(linear):
    against = toy(lambda case: -GradientXInput()(case)["map"].values)
    assert verdict(check_of(Order(), linear, against)) == -1


def test_a_map_on_the_mask_is_found_there(linear):
    mask = np.zeros((12, 12), bool)
    mask[2:5, 2:5] = True
    on = toy(lambda _case: mask + np.random.default_rng(0).random((12, 12)) * 0.1)
    off = toy(lambda _case: ~mask + np.random.default_rng(0).random((12, 12)) * 0.1)
    assert verdict(check_of(Place(), linear, on, mask)) == 1
    assert verdict(check_of(Place(), linear, off, mask)) == -1


def test_shape_has_no_verdict(linear):
    spot = np.zeros((12, 12))
    spot[3, 3] = 1
    found = check_of(Shape(), linear, toy(lambda _case: spot))
    assert verdict(found) == 0
    assert found["entropy"][0] == pytest.approx(0, abs=1e-9)
    assert found["gini"][0] == pytest.approx(1 - 1 / 144)


def test_a_map_that_knows_no_class_is_caught(linear):
    edges = toy(lambda case: case.image.mean(0).numpy())
    assert verdict(check_of(OtherClass(), linear, edges)) == -1
    assert verdict(check_of(OtherClass(), linear, Gradient())) == 1


def test_a_map_that_needs_no_weights_is_caught(digit):
    edges = toy(lambda case: np.hypot(*np.gradient(case.image.mean(0).numpy())))
    found = check_of(RandomWeights(), digit, edges)
    assert verdict(found) == -1
    assert found["order"][0] == pytest.approx(1)
    assert "do not trust" in found.notes[0]


def test_the_gradient_is_gone_with_random_weights(digit):
    """Grad-CAM is not, on this tiny network: its 4 × 4 places follow the ink (0.64 by order)."""
    found = RandomWeights()(TrustCase(digit, Gradient()))
    assert found["check"]["order"][0] < 0.5
    assert found["order"].y[0] == 1
    assert found["order"].x[-1] == 1


def test_a_model_with_random_weights_is_caught(digit):
    """Its gradient's strongest pixels carry no score worth the name: over several it shows."""
    *_, (_, broken) = randomized(digit.model, 1, seed=0)
    good = verdict(check_of(Order(orders=5), digit, GradientXInput()))
    bad = [
        verdict(check_of(Order(orders=5), replace(digit, model=broken, target=target), Gradient()))
        for target in range(3)
    ]
    assert good == 1
    assert np.mean(bad) < good


def test_shuffling_keeps_every_weight_and_the_original(digit):
    before = digit.model.fingerprint
    steps = list(randomized(digit.model, 3, seed=0))
    assert [share for share, _ in steps] == sorted(share for share, _ in steps)
    assert steps[-1][0] == 1
    weights = dict(digit.model.network.named_parameters())
    for name, changed in steps[-1][1].network.named_parameters():
        assert torch.equal(changed.flatten().sort().values, weights[name].flatten().sort().values)
    assert digit.model.fingerprint == before


def test_a_map_of_chance_is_not_repeatable(linear):
    chance = toy(lambda case: np.random.default_rng(case.seed).random((12, 12)))
    assert verdict(check_of(Repeats(), linear, chance)) == -1
    found = check_of(Repeats(), linear, Gradient())
    assert verdict(found) == 1
    assert "no random numbers" in found.notes[0]


def test_a_map_that_jumps_is_caught(linear):
    def jumping(case):
        seed = int(case.image.double().sum().item() * 1e9) % 2**32
        return np.random.default_rng(seed).standard_normal((12, 12))

    assert verdict(check_of(Nudged(draws=3), linear, toy(jumping))) == -1
    assert verdict(check_of(Nudged(draws=3), linear, Gradient())) == 1  # of a linear model


@pytest.mark.parametrize("check", TRUST, ids=lambda check: check.name)
def test_a_flat_map_has_no_verdict(linear, check):
    flat = toy(lambda _case: np.zeros((12, 12)))
    found = check_of(check(), linear, flat, np.ones((12, 12), bool))
    assert np.isnan(verdict(found))
    assert found.notes[0].startswith("Not available")


def test_an_empty_or_odd_mask_is_not_available(linear):
    for mask in (np.zeros((12, 12), bool), np.ones((5, 5), bool)):
        found = check_of(Place(), linear, Gradient(), mask)
        assert np.isnan(verdict(found))


def test_a_model_with_one_class_cannot_be_asked_about_another():
    case = ImageCase(
        Classifier(Linear(torch.randn(1, 3, 8, 8)), "one", "one", side=8), torch.rand(3, 8, 8), 0
    )
    assert "one class only" in check_of(OtherClass(), case, Gradient()).notes[0]
