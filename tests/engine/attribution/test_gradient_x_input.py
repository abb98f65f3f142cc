"""On a linear model gradient × input is weight times (pixel − baseline)."""

import numpy as np
import pytest

from engine.attribution.heatmaps.gradient_x_input import GradientXInput
from tests import tiny


def test_a_linear_model_gives_weight_times_input():
    case = tiny.linear_case()
    shares = case.model.network.weight * case.image
    heat = GradientXInput(baseline="black")(case)["map"]
    np.testing.assert_allclose(heat.values, shares.sum(0).numpy(), rtol=1e-5, atol=1e-6)
    assert heat.values.sum() == pytest.approx(case.score(case.image[None]).item(), rel=1e-4)
    sizes = GradientXInput(baseline="black", channels="size")(case)["map"]
    np.testing.assert_allclose(sizes.values, shares.abs().sum(0).numpy(), rtol=1e-5)
    assert heat.unit == "logit"


def test_it_is_counted_from_the_models_own_zero():
    case = tiny.linear_case()
    case.model.mean.fill_(0.5)
    shares = case.model.network.weight * (case.image - 0.5)
    heat = GradientXInput()(case)["map"]
    np.testing.assert_allclose(heat.values, shares.sum(0).numpy(), rtol=1e-4, atol=1e-6)


def test_captum_agrees():
    from captum.attr import InputXGradient

    case = tiny.cnn_case()
    peer = InputXGradient(case.model).attribute(case.image[None].requires_grad_(), target=3)
    heat = GradientXInput(baseline="black")(case)["map"]
    np.testing.assert_allclose(heat.values, peer[0].sum(0).detach().numpy(), atol=1e-6)
