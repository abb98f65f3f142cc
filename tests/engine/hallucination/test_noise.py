"""The schedule of noise against the paper's figures and against itself written plainly."""

from math import exp, sqrt

import pytest
import torch

from engine.hallucination.decoding.noise import STEPS, alpha_bar, noise_for, noised


@pytest.mark.parametrize(
    ("step", "signal", "noise"),
    [
        (300, 0.981, 0.194),
        (500, 0.863, 0.505),
        (700, 0.593, 0.805),
        (900, 0.365, 0.931),
        (999, 0.285, 0.959),
    ],
)
def test_signal_and_noise_are_the_published_factors(step, signal, noise):
    clear = torch.ones(1, 3, 2, 2)
    assert noised(clear, step, torch.zeros_like(clear))[0, 0, 0, 0].item() == pytest.approx(
        signal, abs=6e-4
    )
    hidden = noised(torch.zeros_like(clear), step, torch.ones_like(clear))
    assert hidden[0, 0, 0, 0].item() == pytest.approx(noise, abs=6e-4)


def test_noise_is_that_of_the_schedule_and_of_each_image():
    left, slowly = 1.0, []
    for step in range(STEPS):
        beta = (0.5e-2 - 1e-5) / (1 + exp(6 - 12 * step / (STEPS - 1))) + 1e-5
        left *= 1 - beta
        slowly.append(left)
    assert torch.allclose(alpha_bar(), torch.tensor(slowly), atol=1e-5)
    assert (alpha_bar().diff() < 0).all()
    assert sqrt(1 - slowly[0]) == pytest.approx(0.005, abs=1e-3)
    images = torch.randn(3, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    both = noised(images, torch.tensor([0, 500, 999]), noise)
    for row, step in enumerate((0, 500, 999)):
        assert torch.equal(
            both[row : row + 1], noised(images[row : row + 1], step, noise[row : row + 1])
        )
    images = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    together = noise_for(images, 7)
    for at in (0, 2):
        assert torch.equal(together[at], noise_for(images[at : at + 1], 7)[0])
    assert not torch.equal(together[0], together[1])
    assert not torch.equal(together, noise_for(images, 8))
    assert torch.equal(noise_for(images.flip(0), 7), together.flip(0))
