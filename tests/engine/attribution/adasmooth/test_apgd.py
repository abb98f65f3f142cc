"""APGD: its schedule, its loss, a slow loop of it, and what it finds beside plain steps."""

import math

import pytest
import torch

from engine.attribution.adasmooth.apgd import STRONG, apgd, checkpoints, dlr, strongly
from engine.attribution.adasmooth.experiment import (
    AdaptiveSmoothing,
    class_balanced_images,
    shipped_networks,
)
from engine.attribution.adasmooth.mixture import Mixture, attack_both_losses, is_correct
from engine.vision import data as data_sets
from tests import tiny

EPSILON, STEPS = 0.1, 12


def test_checkpoints_are_those_of_the_paper_and_dlr_is_a_ratio_without_shift_and_scale():
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]
    logits = torch.tensor([[3.0, 1.0, 2.0, -4.0], [0.0, 5.0, 1.0, 2.0]])
    targets = torch.tensor([0, 2])
    expected = torch.tensor([-(3 - 2) / (3 - 1), (5 - 1) / (5 - 1)])
    assert torch.allclose(dlr(logits, targets), expected)
    assert torch.allclose(dlr(7 * logits - 3, targets), expected)


def one_by_one(model, image, target, start, raised):
    """One image (1, C, H, W), step by step as the paper writes it."""
    low, high = (image - EPSILON).clamp(0, 1), (image + EPSILON).clamp(0, 1)

    def look(x):
        x = x.detach().requires_grad_()
        logits = model(x.expand(-1, 3, -1, -1))
        value = raised(logits, target)[0]
        (slope,) = torch.autograd.grad(value, x)
        return value.item(), slope, int(logits.argmax()) != int(target)

    def inside(x):
        return torch.minimum(torch.maximum(x, low), high)

    at = old = start
    value, slope, wrong = look(at)
    first = at if wrong else None
    best, top, top_slope, size = at, value, slope, 2 * EPSILON
    rises, since, kept_top, kept_size, marks = 0, 0, value, 0.0, checkpoints(STEPS)
    for k in range(1, STEPS + 1):
        z = inside(at + size * slope.sign())
        new = z if k == 1 else inside(at + 0.75 * (z - at) + 0.25 * (at - old))
        old, at, before = at, new, value
        value, slope, wrong = look(at)
        first = at if wrong and first is None else first
        rises += value > before
        if value > top:
            best, top, top_slope = at, value, slope
        if k in marks:
            used = size
            if rises < 0.75 * (k - since) or (kept_size == size and kept_top == top):
                size, at, value, slope = size / 2, best, top, top_slope
            kept_size, kept_top, since, rises = used, top, k, 0
    return best if first is None else first


@pytest.mark.parametrize("raised", STRONG, ids=lambda objective: objective.__name__)
def test_every_image_goes_where_a_plain_loop_of_the_paper_goes(raised):
    data = data_sets.load("digits")
    normal, robust = shipped_networks(data)
    images, targets = class_balanced_images(data, 8, 0)
    mixture = Mixture(normal, robust, 0.6)
    noise = torch.empty(images.shape).uniform_(-1, 1, generator=tiny.seeded(0))
    starts = (images + EPSILON * noise).clamp(images - EPSILON, images + EPSILON).clamp(0, 1)
    result = apgd(mixture, images, targets, EPSILON, STEPS, tiny.seeded(0), raised)
    for at in range(len(images)):
        span = slice(at, at + 1)
        expected = one_by_one(mixture, images[span], targets[span], starts[span], raised)
        assert torch.allclose(result[span], expected, atol=1e-5)


@pytest.mark.parametrize("raised", STRONG, ids=lambda objective: objective.__name__)
def test_on_a_linear_model_it_reaches_the_worst_corner_of_the_ball(raised):
    weight = torch.tensor([1.0, -2.0, 0.5, 3.0])

    def model(pixels):
        score = (pixels[:, 0].flatten(1) * weight).sum(1)
        return torch.stack([score, -score, torch.full_like(score, -50.0)], 1)

    image = torch.full((1, 1, 2, 2), 0.5)
    moved = apgd(model, image, torch.tensor([0]), EPSILON, 5, tiny.seeded(0), raised)
    assert torch.allclose(moved, image - EPSILON * weight.sign().view(1, 1, 2, 2), atol=1e-6)


def test_it_finds_as_many_as_plain_steps_in_the_ball_and_the_same_with_the_same_seed():
    data = data_sets.load("digits")
    method = AdaptiveSmoothing(epsilon=EPSILON, steps=10)
    images, targets = class_balanced_images(data, 100, 0)
    mixture = Mixture(*shipped_networks(data), 0.6)
    plain, strong = (
        [(~is_correct(mixture, attempt, targets)) for attempt in tries]
        for tries in (
            attack_both_losses(mixture, images, targets, method.attack, 0),
            strongly(mixture, images, targets, EPSILON, 10, 0),
        )
    )
    count = [int((pair[0] | pair[1]).sum()) for pair in (plain, strong)]
    assert count[1] >= count[0] > 0
    for moved in strongly(mixture, images, targets, EPSILON, 10, 1):
        assert (moved - images).abs().max() <= EPSILON + 1e-6
        assert 0 <= moved.min() <= moved.max() <= 1
    assert math.isfinite(float(dlr(mixture(images.expand(-1, 3, -1, -1)), targets).sum()))
    images, targets = torch.rand((2, 3, 8, 8), generator=tiny.seeded(1)), [0, 1]
    first, second = (
        strongly(tiny.cnn(), images, torch.tensor(targets), 0.1, 4, 3)[1] for _ in range(2)
    )
    assert torch.equal(first, second)
