"""SmoothGrad is the mean of plain gradients on the same noise."""

from dataclasses import replace

import numpy as np
import torch

from engine.attribution.heatmaps.gradient import Gradient
from engine.attribution.heatmaps.smooth_grad import SmoothGrad
from tests import tiny


def test_it_is_the_mean_of_gradients_on_the_same_noise():
    case = tiny.cnn_case(torch.nn.Softplus)
    generator = torch.Generator().manual_seed(case.seed)
    gradients = []
    for _ in range(15):
        noise = torch.randn(case.image.shape, generator=generator)
        noisy = (case.image + 0.2 * noise)[None].requires_grad_()
        case.model(noisy)[0, case.target.index].backward()
        gradients.append(noisy.grad[0])
    heat = SmoothGrad(samples=15, noise=0.2)(case)["map"]
    brute = torch.stack(gradients).mean(0).sum(0).numpy()
    np.testing.assert_allclose(heat.values, brute, atol=1e-6)


def test_on_a_linear_model_noise_changes_nothing():
    case = tiny.linear_case()
    weight = case.model.network.weight.sum(0).numpy()
    np.testing.assert_allclose(SmoothGrad()(case)["map"].values, weight, rtol=1e-4, atol=1e-5)


def test_little_noise_gives_the_gradient_and_another_seed_other_noise():
    case = tiny.cnn_case(torch.nn.Softplus)
    plain = Gradient()(case)["map"].values
    little = SmoothGrad(noise=0.005)(case)["map"].values
    much = SmoothGrad(noise=0.5)(case)["map"].values
    assert abs(little - plain).max() < 0.02 * abs(plain).max()
    assert abs(much - plain).max() > 2 * abs(little - plain).max()
    assert not np.array_equal(much, SmoothGrad(noise=0.5)(replace(case, seed=1))["map"].values)
