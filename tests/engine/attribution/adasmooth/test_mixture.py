"""Mixtures of two networks: their ends, their logarithms, and what cannot be changed."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from scipy.stats import norm

from engine.attribution.adasmooth import mixture as mixtures
from engine.attribution.adasmooth.mixture import (
    MixingNet,
    Mixture,
    attack_both_losses,
    certain,
    is_correct,
    mixed_log_probabilities,
    smoothed_radius,
)
from engine.attribution.adasmooth.smoothed import CHOSEN, DRAWS, RISK, bounds, certified, votes
from engine.vision import data as data_sets
from engine.vision.models.catalog import load
from engine.vision.models.threads import one_thread
from engine.vision.training import Pgd, pgd
from tests import tiny


@pytest.fixture(scope="module")
def networks():
    return load("digits-cnn"), load("digits-cnn-robust")


@pytest.fixture(scope="module")
def digits():
    data = data_sets.load("digits")
    rows = data.some("test", 60)
    return torch.from_numpy(data.images[rows] / np.float32(255)), data.targets(rows)


@pytest.mark.parametrize("scales", [(1.0, 1.0), (1.2, 0.5)])
def test_the_ends_are_both_networks_to_the_bit(networks, digits, scales):
    pixels = digits[0].expand(-1, 3, -1, -1)
    with torch.no_grad():
        for alpha, network, scale in zip((0.0, 1.0), networks, scales, strict=True):
            result = Mixture(*networks, alpha, scales)(pixels)
            assert torch.equal(result, (scale * network(pixels)).log_softmax(1))
            assert torch.equal(result.argmax(1), network(pixels).argmax(1))


def test_probabilities_are_mixed_and_not_logits(networks, digits):
    pixels = digits[0].expand(-1, 3, -1, -1)
    with torch.no_grad():
        first, second = (net(pixels).double().softmax(1) for net in networks)
        result = Mixture(*networks, 0.3)(pixels).double().exp()
    assert torch.allclose(result, 0.7 * first + 0.3 * second, atol=1e-6)
    assert torch.allclose(result.sum(1), torch.ones(len(result)).double(), atol=1e-6)


def test_the_loss_is_the_best_wrong_class_and_has_a_gradient_where_probabilities_round_to_0():
    logits = torch.tensor([[200.0, 0.0, 0.0]], requires_grad=True)
    other_logits = torch.tensor([[150.0, 0.0, 0.0]], requires_grad=True)
    logs = mixed_log_probabilities(logits, other_logits, torch.tensor([[0.5]]))
    assert logs[0, 1].item() == pytest.approx(math.log(0.5) - 150, abs=1e-3)
    logs[0, 1].backward()
    assert other_logits.grad[0, 1].item() == pytest.approx(1.0, abs=1e-3)
    plain = 0.5 * logits.detach().softmax(1) + 0.5 * other_logits.detach().softmax(1)
    assert plain[0, 1].item() == 0  # where the logarithm of the sum would be lost
    logits = torch.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, 4.0]])
    loss = mixtures.other_first(logits, torch.tensor([0, 2]))
    assert loss.item() == pytest.approx((-1 + 1) / 2)


def test_inside_the_certificate_no_answer_flips_whatever_the_other_network_says():
    """100,000 random and worst answers of g at points of random h, exactly."""
    rng = np.random.default_rng(0)
    count, classes = 100_000, 10
    robust = torch.from_numpy(rng.dirichlet(np.full(classes, 0.2), count))
    alpha = torch.from_numpy(rng.uniform(0.01, 1, count))
    best = robust.topk(2, dim=1).values
    safe = certain(alpha, best[:, 0] - best[:, 1])
    assert 20_000 < safe.sum() < 80_000
    drawn = torch.from_numpy(rng.dirichlet(np.full(classes, 0.05), count))
    worst = torch.nn.functional.one_hot(robust.topk(2, dim=1).indices[:, 1], classes).double()
    for other in (drawn, worst):
        mixture = (1 - alpha)[:, None] * other + alpha[:, None] * robust
        confidence = mixture.gather(1, robust.argmax(1)[:, None])[:, 0]
        assert (confidence[safe] >= mixture[safe].amax(1) - 1e-12).all()
    mixture = (1 - alpha)[:, None] * worst + alpha[:, None] * robust
    assert (mixture.argmax(1) != robust.argmax(1))[~safe].all()  # and it is tight
    assert not safe[alpha < 0.5].any()


def test_no_attacked_image_inside_the_certificate_flips(networks):
    """Thousands of attacked images that are safe, with g as it is and with a random one."""
    data = data_sets.load("digits")
    rows = data.some("test", 100)
    images = torch.from_numpy(data.images[rows] / np.float32(255))
    targets, safely = data.targets(rows), 0
    noise = tiny.seeded(0)
    for alpha, epsilon in product((0.6, 0.75, 0.9, 0.97), (0.05, 0.1, 0.2, 0.4)):
        mixture, attack = Mixture(*networks, alpha), Pgd(epsilon, 4, epsilon / 2)
        for moved in attack_both_losses(mixture, images, targets, attack, 0):
            wide = moved.expand(-1, 3, -1, -1)
            with torch.no_grad():
                robust = networks[1](wide)
                safe = certain(alpha, mixtures.margin(robust))
                assert torch.equal(mixture(wide).argmax(1)[safe], robust.argmax(1)[safe])
                other = 30 * torch.randn(robust.shape, generator=noise)
                alphas = torch.full((len(wide), 1), alpha)
                predictions = mixed_log_probabilities(other, robust, alphas).argmax(1)
            assert torch.equal(predictions[safe], robust.argmax(1)[safe])
            safely += int(safe.sum())
    assert safely >= 2_000


def test_an_adaptive_mixture_sets_its_share_by_image_and_is_attacked_side_by_side(networks, digits):
    images, targets = (part[:20] for part in digits)
    torch.manual_seed(0)
    mixture, attack = Mixture(*networks, MixingNet(64)), Pgd(0.1, 6, 0.03)
    together = attack_both_losses(mixture, images, targets, attack, 0)
    with one_thread():
        alone = [
            pgd(mixture, images, targets, attack, tiny.seeded(0), loss) for loss in mixtures.LOSSES
        ]
    assert all(torch.equal(first, second) for first, second in zip(together, alone, strict=True))
    pixels = digits[0][:8].expand(-1, 3, -1, -1).clone().requires_grad_()
    with torch.no_grad():
        alphas = mixture.alphas(pixels)
        outputs = [net(pixels) for net in networks]
        expected = mixed_log_probabilities(*outputs, alphas[:, None])
        assert torch.allclose(mixture(pixels), expected, atol=1e-5)
    assert ((alphas > mixtures.LOW) & (alphas < mixtures.HIGH)).all()
    _, gamma = mixture.parts(pixels)
    (slope,) = torch.autograd.grad(gamma.sum(), pixels)
    assert slope.abs().max() > 0
    mixture.train()
    assert mixture.mixing.norm.training
    assert not mixture.normal.training
    with pytest.raises(ValueError, match="no map"):
        Mixture(tiny.mlp(), tiny.mlp(), MixingNet(4))(torch.zeros(1, 3, 8, 8))


def test_attacks_go_against_the_mixture_and_stay_within_their_reach(networks, digits):
    images, targets = digits
    mixture, attack = Mixture(*networks, 0.3), Pgd(0.1, 10, 0.025)

    def loss(pixels):
        with torch.no_grad():
            return mixtures.other_first(mixture(pixels.expand(-1, 3, -1, -1)), targets)

    before = is_correct(mixture, images, targets).float().mean()
    for moved in attack_both_losses(mixture, images, targets, attack, 0):
        assert (moved - images).abs().max() <= 0.1 + 1e-6
        assert is_correct(mixture, moved, targets).float().mean() < before - 0.3
        assert loss(moved) > loss(images)


def test_robustness_below_one_half_falls_to_that_of_the_normal_network(networks, digits):
    images, targets = digits
    attack = Pgd(0.1, 20, 0.0125)

    def held(alpha):
        mixture = Mixture(*networks, alpha)
        return min(
            is_correct(mixture, adversarial, targets).float().mean().item()
            for net in (mixture, *networks)
            for adversarial in attack_both_losses(net, images, targets, attack, 0)
        )

    ends = held(0.0), held(1.0)
    assert ends[1] > ends[0] + 0.2
    assert held(0.2) < sum(ends) / 2


def test_a_radius_is_that_of_the_formula_and_bounds_hold_as_often_as_they_promise():
    sigma, first, second = 0.5, 0.9, 0.1
    for alpha in (0.8, 1.0):  # the latter is Cohen et al.'s
        other = (1 - alpha) / alpha
        ends = norm.ppf([first / (1 + other), (second + other) / (1 + other)])
        expected = sigma / 2 * (ends[0] - ends[1])
        assert smoothed_radius(alpha, sigma, first, second) == pytest.approx(expected)
    assert smoothed_radius(0.5, sigma, first, second) == 0
    assert smoothed_radius(0.6, sigma, 0.7, 0.3) == 0
    assert smoothed_radius(1.0, sigma, 1.0, 0.5) == pytest.approx(sigma / 2 * norm.isf(1e-12))
    rng = np.random.default_rng(0)
    true, trials = 0.9, 4000
    counts = rng.binomial(DRAWS, true, trials)
    result = np.array([bounds(np.array([count, DRAWS - count]), 0)[0] for count in counts])
    assert (result > true).mean() <= 4 * RISK
    assert result.mean() > 0.82
    assert bounds(np.array([0, 9]), 0) == (0.0, 1.0)


def test_within_the_radius_of_half_spaces_the_mixture_keeps_its_class():
    """For h = [w · x > t] under noise all probabilities are known: 10,000 of them are attacked.

    Each is moved straight to the plane, nearly as far as the certificate goes, and g is wholly for
    the other class there.
    """
    rng, tried = np.random.default_rng(0), 0
    for _ in range(25_000):
        sigma, alpha, place = rng.uniform(0.05, 1), rng.uniform(0.51, 1), rng.uniform(0, 2)
        first = norm.cdf(place / sigma)
        radius = smoothed_radius(alpha, sigma, first, 1 - first)
        if not radius > 0:
            continue
        probability = norm.cdf((place - 0.999 * radius) / sigma)
        assert alpha * probability >= alpha * (1 - probability) + (1 - alpha)
        tried += 1
    assert tried >= 10_000


def test_certified_shares_are_counted_from_votes_and_fall_with_radius(networks):
    data = data_sets.load("digits")
    result = certified(*networks, data, (0.7, 1.0), 12, 3)
    noise, rows = tiny.seeded(3), data.some("test", 12, 3)
    radii = []
    for row in rows:
        image = data.pixels([row])[0]
        chosen = int(votes(networks[1], image, CHOSEN, noise).argmax())
        if chosen != data.labels[row]:
            radii.append(0.0)
            continue
        ends = bounds(votes(networks[1], image, DRAWS, noise), chosen)
        radii.append(smoothed_radius(1.0, 0.25, *ends))
    expected = (np.array(radii) > result["radius"][:, None]).mean(1)
    assert result["α = 1"] == pytest.approx(expected)
    assert (np.diff(result["α = 1"]) <= 0).all()
    assert (result["α = 0.7"] <= result["α = 1"]).all()
