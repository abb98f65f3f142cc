"""On a linear model the gradient is the weights."""

import numpy as np
import pytest
import torch

from engine.attribution.heatmaps.gradient import Gradient
from engine.case import ImageCase
from engine.case.target import Target
from tests import tiny


def test_a_linear_model_gives_its_own_weights():
    case = tiny.linear_case()
    weight = case.model.network.weight
    heat = Gradient()(case)["map"]
    np.testing.assert_allclose(heat.values, weight.sum(0).numpy(), rtol=1e-5, atol=1e-6)
    sizes = Gradient(channels="size")(case)["map"]
    np.testing.assert_allclose(sizes.values, weight.abs().sum(0).numpy(), rtol=1e-5)
    assert heat.signed
    assert not sizes.signed


def test_it_agrees_with_finite_differences_on_a_smooth_network():
    case = tiny.cnn_case(torch.nn.Softplus)
    _, gradient = case.gradient(case.image[None])
    step = gradient[0] / gradient[0].norm() * 0.05
    rise = case.score((case.image + step)[None]) - case.score((case.image - step)[None])
    assert rise.item() == pytest.approx(2 * 0.05 * gradient.norm().item(), rel=1e-2)


def test_a_contrast_is_the_difference_of_two_gradients():
    case = tiny.cnn_case()
    first, second, both = (
        Gradient()(ImageCase(case.model, case.image, target))["map"].values
        for target in (Target(0), Target(3), Target(0, versus=3))
    )
    np.testing.assert_allclose(both, first - second, atol=1e-6)
