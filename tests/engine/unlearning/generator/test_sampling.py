"""Images are drawn by the sampler's formula, the same on every machine."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.errors import Cancelled
from engine.unlearning.generator.diffusion import guided
from engine.unlearning.generator.sampling import SampleSettings, as_gray, draw_images
from tests import tiny

CLASSES = torch.tensor([0, 1, 2, 3, 0, 1, 2])
FEW = SampleSettings(passes=5, each=4)


def slowly(generator, how, seed):
    """One image after the other, by what the papers write."""
    alpha_bar = np.concatenate([[1.0], np.cumprod(1 - np.linspace(1e-4, 0.05, 200))])
    times = [199, 149, 100, 50, 0]
    results = []
    for at, classes in enumerate((CLASSES[:4], CLASSES[4:])):
        chance = np.random.default_rng([seed, 41, at])
        shape = (len(classes), 1, 8, 8)
        x = torch.from_numpy(chance.standard_normal(shape, np.float32))
        for time, before in zip(times, [*times[1:], -1], strict=True):
            now, then = alpha_bar[time + 1], alpha_bar[before + 1]
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


def test_the_same_seed_draws_the_same_to_the_bit_and_another_does_not():
    generator = tiny.generator_case().generator
    first, second, other = (draw_images(generator, CLASSES, FEW, seed) for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.allclose(first, other, atol=0.05)


def test_threads_of_torch_change_no_bit_and_are_as_before():
    generator, before = tiny.generator_case().generator, torch.get_num_threads()
    results = []
    for count in (1, 2):
        torch.set_num_threads(count)
        results.append(draw_images(generator, CLASSES, FEW, 1))
        assert torch.get_num_threads() == count
    torch.set_num_threads(before)
    assert torch.equal(*results)


def test_one_image_can_be_drawn():
    assert draw_images(tiny.generator_case().generator, CLASSES[:1], FEW, 0).shape == (1, 1, 8, 8)


def test_drawing_can_be_stopped_after_a_pass():
    reports = []

    def stop(done, _words="", _partial=None):
        reports.append(done)
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        draw_images(tiny.generator_case().generator, CLASSES, FEW, 0, stop)
    assert reports == [0.2]


def test_bytes_are_the_nearest_gray_levels():
    assert as_gray(torch.tensor([0.0, 1.0, 0.5, 2.0]).view(1, 1, 2, 2)).ravel().tolist() == [
        0,
        255,
        128,
        255,
    ]
