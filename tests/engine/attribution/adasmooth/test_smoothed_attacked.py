"""Certified radii of real images under attack: points inside are sought at which an answer turns.

The normal network may say anything, so it is taken to be wholly for the strongest other class: the
mixture keeps its class at a point while p₁ − p₂ ≥ (1 − α) / α, with p the shares of the robust
network's votes under noise. Each start is moved within the radius against the mean probability of
the class over noise, and where it ends is asked. Votes are counted: a point counts as turned when
the bound is missed by more than four deviations of so many votes, and doubtful points are asked 40
times as often.
"""

import numpy as np
import pytest
import torch

from engine.attribution.adasmooth.mixture import smoothed_radius
from engine.attribution.adasmooth.smoothed import DRAWS, SIGMA, bounds, radii_of, votes
from engine.vision import data as data_sets
from engine.vision.models import catalog
from engine.vision.models.threads import one_thread

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ALPHAS = (0.75, 0.9, 1.0)
IMAGES, STEPS, STARTS, NOISES = 100, 8, 48, 16
VOTES, AGAIN, SURE = 200, 8000, 4.0
FURTHER = 3.0  # times the radius, where the control attacks


@pytest.fixture(scope="module")
def robust():
    return catalog.load("digits-cnn-robust").twin()


@pytest.fixture(scope="module")
def digits():
    data = data_sets.load("digits")
    rows = data.some("test", IMAGES, 0)
    return list(zip(data.pixels(rows), data.labels[rows].tolist(), strict=True))


def attacked(robust, image, label, radius, chance):
    """Where so many starts end, (STARTS, 1, H, W), at most `radius` away."""
    away = torch.randn((STARTS, *image.shape), generator=chance)
    away = radius * away / away.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    for _ in range(STEPS):
        away.requires_grad_()
        noise = SIGMA * torch.randn((STARTS, NOISES, *image.shape), generator=chance)
        noisy = (image + away[:, None] + noise).flatten(0, 1).expand(-1, 3, -1, -1)
        confidence = robust(noisy).softmax(1)[:, label].view(STARTS, NOISES).mean(1)
        (slope,) = torch.autograd.grad(confidence.sum(), away)
        length = slope.flatten(1).norm(dim=1).clamp(min=1e-12).view(-1, 1, 1, 1)
        away = away.detach() - radius / 2 * slope / length
        far = away.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        away = away * (radius / far).clamp(max=1) * (1 - 1e-6)
    return image + away


@torch.no_grad()
def lead(robust, points, label, count, chance):
    """p₁ − p₂ of each point by so many votes, and the deviation of that figure."""
    shares = torch.zeros(len(points), len(robust.labels))
    for _ in range(count // VOTES):
        noise = SIGMA * torch.randn((len(points), VOTES, *points.shape[1:]), generator=chance)
        predictions = robust((points[:, None] + noise).flatten(0, 1).expand(-1, 3, -1, -1)).argmax(
            1
        )
        one_hot = torch.nn.functional.one_hot(predictions, shares.shape[1]).float()
        shares += one_hot.view(len(points), VOTES, -1).sum(1)
    shares /= count
    others = shares.clone()
    others[:, label] = -1
    label_share, other = shares[:, label], others.amax(1)
    spread = (label_share + other - (label_share - other).square()).clamp(min=1 / count) / count
    return label_share - other, spread.sqrt()


def turned(robust, image, label, alpha, radius, chance):
    """At how many of the ends of the attack within a radius the answer may turn."""
    points = attacked(robust, image, label, radius, chance)
    need = (1 - alpha) / alpha
    leads, spread = lead(robust, points, label, VOTES, chance)
    doubtful = points[leads < need + SURE * spread]
    if not len(doubtful):
        return 0
    leads, spread = lead(robust, doubtful, label, AGAIN, chance)
    return int((leads < need - SURE * spread).sum())


def test_no_attack_inside_a_certified_radius_turns_the_answer(robust, digits, measure):
    chance, radii = torch.Generator().manual_seed(0), {alpha: [] for alpha in ALPHAS}
    tried, flips = 0, 0
    beyond = {alpha: [0, 0] for alpha in ALPHAS}
    with one_thread():
        for image, label in digits:
            certified = radii_of(robust, image, label, ALPHAS, chance)
            for alpha, radius in zip(ALPHAS, certified, strict=True):
                if not radius > 0:
                    continue
                radii[alpha].append(radius)
                tried += STARTS
                flips += turned(robust, image[:1], label, alpha, radius, chance)
                if len(radii[alpha]) % 5 == 0:
                    gone = turned(robust, image[:1], label, alpha, FURTHER * radius, chance)
                    beyond[alpha] = [beyond[alpha][0] + STARTS, beyond[alpha][1] + gone]
    measure(
        "Adaptive smoothing, digits, certified radius attacked from 48 starts an image",
        f"answers turn at {flips} of {tried} ends, by more than four deviations of the votes; "
        + "; ".join(
            f"α = {alpha:g}: median radius {np.median(radii[alpha]):.2f}, at {FURTHER:g} times it "
            f"{gone} of {count}"
            for alpha, (count, gone) in beyond.items()
        ),
    )
    assert tried >= 10_000
    assert flips == 0
    assert all(gone > 0 for _, gone in beyond.values())


def test_a_radius_that_forgets_the_other_network_is_caught(robust, digits):
    """With α = 0.75 the radius of the smoothed network alone is too large, and is seen to be."""
    chance, gone = torch.Generator().manual_seed(0), 0
    with one_thread():
        for image, label in digits[:20]:
            first, second = bounds(votes(robust, image, DRAWS, chance), label)
            radius = smoothed_radius(1.0, SIGMA, first, second)
            if radius > 0:
                gone += turned(robust, image[:1], label, 0.75, radius, chance)
    assert gone > 0
