"""The noise of one cluster, from numbers or from a network: bounds, slopes and BatchNorm's mode."""

from __future__ import annotations

import pytest
import torch

from engine.unlearning.protection.noise_network import DirectNoise, NoiseNetwork

EPSILON = 16 / 255


def network(shape=(3, 16, 16), seed=0):
    return NoiseNetwork(shape, EPSILON, torch.Generator().manual_seed(seed)).train()


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 15, 15), (3, 32, 32)])
def test_a_network_makes_noise_of_that_shape_within_its_bounds(shape):
    noise = network(shape)()
    assert noise.shape == (1, *shape)
    assert noise.abs().max() <= EPSILON
    assert noise.std() > 0.01 * EPSILON


def test_every_weight_has_a_slope_from_the_first_step_on():
    generator = network()
    (
        generator() * torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(1))
    ).sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in generator.parameters())
    assert (generator().abs() < 0.95 * EPSILON).float().mean() > 0.9  # tanh is not saturated


def test_batch_norm_goes_by_the_one_picture_also_when_the_noise_is_read():
    generator = network()
    first = generator()
    assert torch.equal(generator(), first)  # its running means have moved, and count for nothing
    assert not torch.allclose(generator.eval()(), first, atol=1e-3 * EPSILON)


def test_the_seed_decides_the_picture_and_the_weights_and_no_other_chance_is_drawn_from():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first, same, second = network(seed=1), network(seed=1), network(seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first(), same())
    assert not torch.equal(first.picture, second.picture)
    assert not torch.equal(first(), second())


def test_numbers_begin_at_nothing_and_are_cut_after_a_step():
    noise = DirectNoise((1, 2, 2), EPSILON)
    assert not noise().any()
    with torch.no_grad():
        noise.values.copy_(torch.tensor([[[[-1.0, 0.01], [0.02, 1.0]]]]))
    noise.cut()
    assert noise().flatten().tolist() == pytest.approx([-EPSILON, 0.01, 0.02, EPSILON])
