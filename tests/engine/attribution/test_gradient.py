"""The gradient, its means, its products and its guided kind, where they are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from captum import attr as captum
from torch import nn

from engine.attribution.heatmaps.deep_lift import DeepLift
from engine.attribution.heatmaps.gradient_x_input import GradientXInput
from engine.attribution.heatmaps.guided_backprop import GuidedBackprop, guided_gradient
from engine.attribution.heatmaps.integrated_gradients import IntegratedGradients
from engine.attribution.heatmaps.occlusion import Occlusion
from engine.attribution.heatmaps.smooth_grad import SmoothGrad
from engine.core.errors import DoesNotFit
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.maps.gradient import Gradient
from engine.vision.case.target import Target
from engine.vision.models.operations import RECTIFIERS, nodes, operation
from tests import tiny
from tests.engine.attribution.photo import cat_case
from tests.engine.attribution.toys import case_of


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


@pytest.mark.parametrize(
    "method", [Gradient(), GradCam(raising=False), Occlusion(side=8)], ids=lambda m: m.name
)
def test_a_contrast_is_the_difference_of_two_maps(method):
    first, second, both = (
        method(replace(tiny.cnn_case(), target=target))["map"].values
        for target in (Target(0), Target(3), Target(0, versus=3))
    )
    np.testing.assert_allclose(both, first - second, atol=1e-5)
    assert np.abs(both).max() > 1e-3


@pytest.mark.parametrize("kind", [GradientXInput, IntegratedGradients, DeepLift])
def test_a_linear_model_gives_weight_times_input(kind):
    case = tiny.linear_case()
    shares = case.model.network.weight * case.image
    heat = kind(baseline="black")(case)["map"]
    np.testing.assert_allclose(heat.values, shares.sum(0).numpy(), rtol=1e-4, atol=1e-6)
    assert heat.values.sum() == pytest.approx(case.score(case.image[None]).item(), rel=1e-4)
    sizes = kind(baseline="black", channels="size")(case)["map"]
    np.testing.assert_allclose(sizes.values, shares.abs().sum(0).numpy(), rtol=1e-4)
    assert heat.unit == "logit"


def test_it_is_counted_from_the_models_own_zero_and_captum_agrees():
    case = tiny.linear_case()
    case.model.mean.fill_(0.5)
    shares = case.model.network.weight * (case.image - 0.5)
    heat = GradientXInput()(case)["map"]
    np.testing.assert_allclose(heat.values, shares.sum(0).numpy(), rtol=1e-4, atol=1e-6)
    case = tiny.cnn_case()
    peer = captum.InputXGradient(case.model).attribute(case.image[None].requires_grad_(), target=3)
    heat = GradientXInput(baseline="black")(case)["map"]
    np.testing.assert_allclose(heat.values, peer[0].sum(0).detach().numpy(), atol=1e-6)


def test_it_is_the_mean_of_gradients_on_the_same_noise():
    case = tiny.cnn_case(torch.nn.Softplus)
    generator, summed = tiny.seeded(case.seed), torch.zeros(32, 32)
    for _ in range(15):
        noise = torch.randn(case.image.shape, generator=generator)
        noisy = (case.image + 0.2 * noise)[None].requires_grad_()
        case.model(noisy)[0, case.target.index].backward()
        summed += noisy.grad[0].sum(0)
    heat = SmoothGrad(samples=15, noise=0.2)(case)["map"]
    np.testing.assert_allclose(heat.values, summed / 15, atol=1e-6)


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


@pytest.mark.parametrize(("activation", "steps"), [(torch.nn.GELU, 50), (torch.nn.ReLU, 200)])
@pytest.mark.parametrize("baseline", ["black", "blur"])
def test_the_map_adds_up_to_the_rise_of_the_score(activation, steps, baseline):
    case = tiny.cnn_case(activation)
    result = IntegratedGradients(steps=steps, baseline=baseline)(case)
    rise = case.score(case.image[None]) - case.score(case.baseline(baseline)[None])
    assert result["map"].values.sum() == pytest.approx(rise.item(), rel=1e-3)
    assert result["completeness"].values[0] == pytest.approx(result["map"].values.sum(), rel=1e-4)
    assert result["completeness"].values[1] == pytest.approx(rise.item(), rel=1e-5)


def test_captum_agrees_on_integrated_gradients_at_the_same_rule_and_steps():
    case = tiny.cnn_case()
    peer = captum.IntegratedGradients(case.model)
    theirs = peer.attribute(case.image[None], target=3, n_steps=30)[0].sum(0).numpy()
    heat = IntegratedGradients(steps=30, baseline="black")(case)["map"]
    np.testing.assert_allclose(heat.values, theirs, atol=1e-4 * np.ptp(heat.values))


def test_on_efficientnet_lite0_the_answer_says_how_far_it_misses():
    case = cat_case()
    result = IntegratedGradients(steps=10, baseline="black")(case)
    total, rise = result["completeness"].values
    expected = case.score(case.image[None]) - case.score(torch.zeros(1, 3, 224, 224))
    assert rise == pytest.approx(expected.item(), rel=1e-4)
    assert total == pytest.approx(result["map"].values.sum(), rel=1e-3)


@pytest.mark.slow
def test_on_efficientnet_lite0_many_steps_close_the_gap():
    total, rise = IntegratedGradients(steps=1000)(cat_case())["completeness"].values
    assert abs(total - rise) < 0.02 * abs(rise)


SLOPES = {
    nn.ReLU: lambda z: (z > 0).float(),
    nn.ReLU6: lambda z: ((z > 0) & (z < 6)).float(),
    nn.SiLU: lambda z: z.sigmoid() * (1 + z * (1 - z.sigmoid())),
    nn.GELU: lambda z: (
        0.5 * (1 + torch.erf(z / 2**0.5)) + z * (-z * z / 2).exp() / (2 * torch.pi) ** 0.5
    ),
    nn.Softplus: torch.sigmoid,
}


class Called(nn.Module):
    """Activations as functions, in place, and one module used twice: what hooks on modules miss."""

    def __init__(self):
        super().__init__()
        self.net = tiny.random_weights(tiny.Cnn())

    def forward(self, images):
        net = self.net
        hidden = net.pool(F.relu(net.conv1(images), inplace=True))
        return net.fc(net.conv2(hidden).clamp_(-1e9).relu_().mean((2, 3)))


def by_hand(network, image, index, slope):
    with torch.no_grad():
        first = network.conv1(image[None])
        second = network.conv2(network.pool(network.act1(first)))
        back = network.fc.weight[index].view(1, -1, 1, 1).expand_as(second)
        back = back / second[0, 0].numel()
        back = back.clamp(min=0) * slope(second)
        back = F.conv_transpose2d(back, network.conv2.weight, padding=1)
        back = F.interpolate(back, scale_factor=2) / 4
        back = back.clamp(min=0) * slope(first)
        return F.conv_transpose2d(back, network.conv1.weight, padding=1)[0]


@pytest.mark.parametrize("activation", SLOPES, ids=lambda kind: kind.__name__)
def test_it_equals_the_rule_worked_out_layer_by_layer(activation):
    case = tiny.cnn_case(activation)
    case = replace(case, image=case.image * 12 - 6)  # so that ReLU6 saturates
    slow = by_hand(case.model.network, case.image, case.target.index, SLOPES[activation])
    np.testing.assert_allclose(guided_gradient(case), slow, atol=1e-5)
    _, plain = case.gradient(case.image[None])
    assert abs(plain[0] - slow).max() > 0.1 * abs(plain).max()
    result = GuidedBackprop(channels="signed")(case)["map"].values
    np.testing.assert_allclose(result, slow.sum(0), atol=3e-5)


@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU")
def test_captum_agrees_on_a_network_of_relu():
    case = tiny.cnn_case()
    peer = captum.GuidedBackprop(case.model).attribute(case.image[None].requires_grad_(), target=3)
    np.testing.assert_allclose(guided_gradient(case), peer[0].detach(), atol=1e-5)


def test_activations_in_any_form_are_seen_and_a_model_without_rectifiers_is_refused():
    case = tiny.cnn_case()
    np.testing.assert_allclose(
        guided_gradient(case_of(Called(), 3)), guided_gradient(case), atol=1e-6
    )
    for without in (tiny.linear_case(), tiny.cnn_case(nn.Sigmoid)):
        with pytest.raises(DoesNotFit, match="rectifiers"):
            GuidedBackprop()(without)


def test_on_efficientnet_lite0_it_is_not_the_gradient():
    case = cat_case()
    guided = GuidedBackprop()(case)["map"].values.ravel()
    plain = Gradient()(case)["map"].values.ravel()
    assert guided @ plain / (np.linalg.norm(guided) * np.linalg.norm(plain)) < 0.9
    score = case.model(case.image[None].clone().requires_grad_())[0, 0]
    assert sum(operation(node) in RECTIFIERS for node in nodes(score)) == 33
