"""Integrated gradients add up to the rise of the score, as far as the steps reach."""

import numpy as np
import pytest
import torch

from engine.attribution.heatmaps.integrated_gradients import IntegratedGradients
from tests import tiny
from tests.engine.attribution.photo import cat_case


def miss(method, case):
    """How far the sum is from the rise, as a share of the rise."""
    total, rise = method(case)["completeness"].values
    return abs(total - rise) / abs(rise)


@pytest.mark.parametrize(("activation", "steps"), [(torch.nn.GELU, 50), (torch.nn.ReLU, 200)])
@pytest.mark.parametrize("baseline", ["black", "blur"])
def test_the_map_adds_up_to_the_rise_of_the_score(activation, steps, baseline):
    case = tiny.cnn_case(activation)
    result = IntegratedGradients(steps=steps, baseline=baseline)(case)
    rise = case.score(case.image[None]) - case.score(case.baseline(baseline)[None])
    assert result["map"].values.sum() == pytest.approx(rise.item(), rel=1e-3)
    assert result["completeness"].values[0] == pytest.approx(result["map"].values.sum(), rel=1e-4)
    assert result["completeness"].values[1] == pytest.approx(rise.item(), rel=1e-5)


def test_a_linear_model_gives_weight_times_input():
    case = tiny.linear_case()
    heat = IntegratedGradients(steps=10, baseline="black")(case)["map"]
    shares = (case.model.network.weight * case.image).sum(0).numpy()
    np.testing.assert_allclose(heat.values, shares, rtol=1e-4, atol=1e-6)


def test_captum_agrees_at_the_same_rule_and_steps():
    from captum.attr import IntegratedGradients as Peer

    case = tiny.cnn_case()
    peer = Peer(case.model).attribute(case.image[None], target=3, n_steps=30)
    heat = IntegratedGradients(steps=30, baseline="black")(case)["map"]
    spread = np.ptp(heat.values)
    np.testing.assert_allclose(heat.values, peer[0].sum(0).numpy(), atol=1e-4 * spread)


def test_on_efficientnet_lite0_the_answer_says_how_far_it_misses():
    case = cat_case()
    result = IntegratedGradients(steps=10, baseline="black")(case)
    total, rise = result["completeness"].values
    assert rise == pytest.approx(
        (case.score(case.image[None]) - case.score(torch.zeros(1, 3, 224, 224))).item(), rel=1e-4
    )
    assert total == pytest.approx(result["map"].values.sum(), rel=1e-3)


@pytest.mark.slow
def test_on_efficientnet_lite0_many_steps_close_the_gap():
    assert miss(IntegratedGradients(steps=1000), cat_case()) < 0.02
