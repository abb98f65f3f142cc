"""On a linear model the strongest attack is known: every pixel moves by its whole reach."""

import pytest
import torch
from torch.nn import functional as F

from engine.vision.models.small import NetworkShape, build
from engine.vision.training import Pgd, pgd
from engine.vision.training.images import random_shift
from tests import tiny


@pytest.mark.parametrize("channels", [1, 3])
def test_on_a_linear_model_every_pixel_moves_against_its_weight(channels):
    weight = torch.randn(3, 8, 8, generator=tiny.seeded()) / 50
    model = tiny.Linear(weight)
    images = torch.rand(5, channels, 8, 8, generator=tiny.seeded(1)) * 0.5 + 0.25
    targets = torch.tensor([0, 1, 0, 1, 1])
    result = pgd(model, images, targets, Pgd(0.1, 10, 0.05), tiny.seeded(2))
    slope = weight if channels == 3 else weight.sum(0, keepdim=True)
    side = torch.where(targets == 0, 1.0, -1.0)[:, None, None, None]
    assert torch.allclose(result, images + 0.1 * slope.sign() * side, atol=1e-6)


def test_it_stays_near_and_inside_and_leaves_the_model_alone():
    model = build("resnet8", NetworkShape(1, 8, 4), seed=0).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    images = torch.rand(6, 1, 8, 8, generator=tiny.seeded())
    targets = torch.arange(6) % 4
    result = pgd(model, images, targets, Pgd(0.05, 8, 0.01), tiny.seeded(2))
    assert (result - images).abs().max() <= 0.05 + 1e-6
    assert 0 <= result.min() <= result.max() <= 1
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert model.training
    model.eval()
    losses = [F.cross_entropy(model(x.expand(-1, 3, -1, -1)), targets) for x in (images, result)]
    assert losses[1] > losses[0]


def test_moved_images_are_the_image_elsewhere_with_its_edge_repeated():
    image = torch.arange(25.0).view(1, 1, 5, 5).repeat(40, 2, 1, 1)
    result = random_shift(image, 1, tiny.seeded())
    wide = F.pad(image[:1], (1,) * 4, mode="replicate")[0]
    windows = {(y, x): wide[:, y : y + 5, x : x + 5] for y in range(3) for x in range(3)}
    met = [[at for at, window in windows.items() if torch.equal(moved, window)] for moved in result]
    assert all(met)
    assert {at for places in met for at in places} == set(windows)


def test_an_attack_starts_anywhere_in_its_reach_as_the_generator_says():
    model = build("lenet", NetworkShape(1, 8, 4), seed=0)
    images = torch.full((4, 1, 8, 8), 0.5)
    targets = torch.arange(4)
    start = pgd(model, images, targets, Pgd(0.2, 0, 0.05), tiny.seeded(2))
    drawn = torch.empty(images.shape).uniform_(-1, 1, generator=tiny.seeded(2))
    assert torch.allclose(start, images + 0.2 * drawn)
    assert (start - images).min() < -0.19
    assert (start - images).max() > 0.19
    first, again, other = (
        pgd(model, images, targets, Pgd(0.2, 3, 0.05), tiny.seeded(seed)) for seed in (2, 2, 3)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
