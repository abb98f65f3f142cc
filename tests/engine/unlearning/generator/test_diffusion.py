"""Noise goes in and out by the formulas of DDPM and DDIM; images are drawn by the sampler's."""

from functools import partial

import numpy as np
import pytest
import torch

from engine.unlearning.generator.diffusion import NoiseSchedule, guided
from engine.unlearning.generator.network import built
from engine.unlearning.generator.sampling import SampleSettings, as_gray, draw_images
from tests import tiny
from tests.refusals import reports_until_stopped

NOISE = NoiseSchedule()
BETA = np.linspace(1e-4, 0.05, 200)
ALPHA_BAR = np.concatenate([[1.0], np.cumprod(1 - BETA)])


def test_what_is_kept_is_the_product_of_what_each_step_keeps_and_times_go_down_to_nothing():
    assert np.allclose(NOISE.kept.numpy(), ALPHA_BAR, rtol=1e-6)
    assert NOISE.kept[-1] < 0.01  # hardly anything of the image is left at the end
    assert NOISE.times(5) == [199, 149, 100, 50, 0]
    assert NOISE.times(200) == list(range(199, -1, -1))


def test_noise_put_in_step_by_step_is_noise_put_in_at_once():
    """The law of x_t after t + 1 single steps has the mean and the variance of q(x_t | x_0)."""
    chance, mean, variance = tiny.seeded(), 0.7, 0.0
    for beta in BETA[:50]:
        mean, variance = np.sqrt(1 - beta) * mean, (1 - beta) * variance + beta
    clean = torch.full((40_000, 1, 1, 1), 0.7)
    drawn = torch.randn(clean.shape, generator=chance)
    once = NOISE.noised(clean, torch.full((40_000,), 49), drawn)
    assert float(once.mean()) == pytest.approx(mean, abs=0.01)
    assert float(once.var()) == pytest.approx(variance, rel=0.03)


@pytest.mark.parametrize(("time", "before"), [(50, 49), (120, 119), (150, 100), (3, 2)])
def test_the_posterior_is_that_of_bayes(time, before):
    """q(x_s | x_t, x_0) ∝ q(x_t | x_s) q(x_s | x_0), added up on a grid of x_s."""
    now, then = ALPHA_BAR[time + 1], ALPHA_BAR[before + 1]
    clean, noisy = 0.4, -0.9
    grid = np.linspace(-8, 8, 400_001)
    forward = (noisy - np.sqrt(now / then) * grid) ** 2 / (1 - now / then)
    prior = (grid - np.sqrt(then) * clean) ** 2 / (1 - then)
    weight = np.exp(-(forward + prior) / 2 + (forward + prior).min() / 2)
    weight /= weight.sum()
    mean = (weight * grid).sum()
    result, variance = NOISE.posterior(torch.tensor(clean), torch.tensor(noisy), time, before)
    assert float(result) == pytest.approx(mean, abs=2e-4)
    assert float(variance) == pytest.approx((weight * (grid - mean) ** 2).sum(), rel=5e-3)
    if time - before == 1:  # as Ho et al. write it
        beta, earlier = BETA[time], ALPHA_BAR[time]
        written = np.sqrt(earlier) * beta * clean + np.sqrt(1 - beta) * (1 - earlier) * noisy
        assert float(result) == pytest.approx(written / (1 - now), abs=2e-4)
        assert float(variance) == pytest.approx((1 - earlier) / (1 - now) * beta, rel=5e-3)


def test_the_straight_way_keeps_the_noise_the_image_is_found_from_it_and_ends_both_ways():
    clean = torch.rand(2, 1, 3, 3, generator=tiny.seeded()) - 0.5
    drawn = torch.randn(2, 1, 3, 3, generator=tiny.seeded(1))
    times = torch.tensor([140, 140])
    noisy = NOISE.noised(clean, times, drawn)
    assert torch.allclose(NOISE.clean(noisy, 140, drawn), clean, atol=1e-4)
    earlier = NOISE.straight(clean, noisy, 140, 60)
    assert torch.allclose(earlier, NOISE.noised(clean, torch.tensor([60, 60]), drawn), atol=1e-4)
    assert NOISE.clean(noisy, 140, drawn - 50).abs().max() == 1  # cut
    clean, noisy = torch.tensor(0.3), torch.tensor(0.9)
    mean, variance = NOISE.posterior(clean, noisy, 7, -1)
    assert float(mean) == pytest.approx(0.3, abs=1e-6)
    assert float(variance) == pytest.approx(0.0, abs=1e-9)
    assert float(NOISE.straight(clean, noisy, 7, -1)) == pytest.approx(0.3, abs=1e-6)


def test_guidance_zero_asks_for_no_class_one_for_the_class_and_more_goes_further():
    network = built(8, 4, 8, seed=0)
    noisy = torch.randn(6, 1, 8, 8, generator=tiny.seeded())
    times, classes = torch.arange(6) * 30, torch.tensor([0, 1, 2, 3, 0, 1])
    with torch.no_grad():
        conditional = network(noisy, times, classes)
        free = network(noisy, times, torch.full_like(classes, 4))
        results = {g: guided(network, noisy, times, classes, g) for g in (0, 1, 2.5)}
    assert torch.equal(results[0], free)
    assert torch.equal(results[1], conditional)
    assert not torch.allclose(conditional, free, atol=1e-3)
    assert torch.allclose(results[2.5], -1.5 * free + 2.5 * conditional, atol=1e-5)


def test_blocks_of_a_larger_image_come_back_to_their_places():
    """A network of 16 pixels sees 2 × 2 blocks, and its noise lies where the block was."""
    network = built(16, 2, 8, seed=1)
    noisy = torch.randn(1, 1, 16, 16, generator=tiny.seeded())
    moved = noisy.clone()
    moved[0, 0, 9, 3] += 5
    with torch.no_grad():
        times, classes = torch.tensor([5]), torch.tensor([1])
        change = (network(moved, times, classes) - network(noisy, times, classes)).abs()[0, 0]
    assert change.shape == (16, 16)
    row, column = np.unravel_index(int(change.argmax()), (16, 16))
    assert abs(row - 9) <= 4
    assert abs(column - 3) <= 4


CLASSES = torch.tensor([0, 1, 2, 3, 0, 1, 2])
FEW = SampleSettings(passes=5, each=4)


def slowly(generator, how, seed):
    """One image after the other, by what the papers write."""
    times, results = [199, 149, 100, 50, 0], []
    for at, classes in enumerate((CLASSES[:4], CLASSES[4:])):
        chance = np.random.default_rng([seed, 41, at])
        shape = (len(classes), 1, 8, 8)
        x = torch.from_numpy(chance.standard_normal(shape, np.float32))
        for time, before in zip(times, [*times[1:], -1], strict=True):
            now, then = ALPHA_BAR[time + 1], ALPHA_BAR[before + 1]
            with torch.no_grad():
                timesteps = torch.full((len(classes),), time)
                noise = guided(generator.network, x, timesteps, classes, how.guidance)
            clean = ((x - (1 - now) ** 0.5 * noise) / now**0.5).clamp(-1, 1)
            if how.sampler == "deterministic":
                left = (x - now**0.5 * clean) / (1 - now) ** 0.5
                x = then**0.5 * clean + (1 - then) ** 0.5 * left
            else:
                beta = 1 - now / then
                mean = then**0.5 * beta * clean + (now / then) ** 0.5 * (1 - then) * x
                fresh = torch.from_numpy(chance.standard_normal(shape, np.float32))
                x = mean / (1 - now) + (beta * (1 - then) / (1 - now)) ** 0.5 * fresh
        results.append(x)
    return (torch.cat(results).clamp(-1, 1) + 1) / 2


@pytest.mark.parametrize("sampler", ["deterministic", "ancestral"])
def test_the_sampler_is_that_of_the_formula(sampler):
    generator, how = tiny.generator_case().generator, SampleSettings(2.5, sampler, 5, 4)
    result = draw_images(generator, CLASSES, how, seed=3)
    assert result.shape == (7, 1, 8, 8)
    assert torch.allclose(result, slowly(generator, how, 3), atol=2e-4)
    assert result.std() > 0.05


def test_the_seed_draws_the_same_to_the_bit_whatever_the_threads_and_one_image_can_be_drawn():
    generator, before = tiny.generator_case().generator, torch.get_num_threads()
    results = []
    for count in (1, 2):
        torch.set_num_threads(count)
        results.append(draw_images(generator, CLASSES, FEW, 1))
        assert torch.get_num_threads() == count
    torch.set_num_threads(before)
    assert torch.equal(*results)
    assert not torch.allclose(results[0], draw_images(generator, CLASSES, FEW, 2), atol=0.05)
    assert draw_images(generator, CLASSES[:1], FEW, 0).shape == (1, 1, 8, 8)


def test_drawing_can_be_stopped_after_a_pass():
    draw = partial(draw_images, tiny.generator_case().generator, CLASSES, FEW, 0)
    assert [done for done, _ in reports_until_stopped(draw)] == [0.2]


def test_bytes_are_the_nearest_gray_levels():
    levels = as_gray(torch.tensor([0.0, 1.0, 0.5, 2.0]).view(1, 1, 2, 2))
    assert levels.ravel().tolist() == [0, 255, 128, 255]
