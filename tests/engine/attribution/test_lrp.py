"""LRP by hand, against its rules written in loops, and the score that it must not lose."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from engine.attribution.heatmaps.deep_lift import DeepLift
from engine.attribution.heatmaps.gradient_x_input import GradientXInput
from engine.attribution.heatmaps.lrp import Lrp
from engine.attribution.heatmaps.relevance import LinearLayer, away_from_zero, box_rule
from engine.core.errors import DoesNotFit
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.models.small import SMALL, NetworkShape, build
from tests import tiny
from tests.engine.attribution.test_deep_lift import Gated, Pooled
from tests.engine.attribution.toys import case_of

PIXELS = [[0.5, 1.0], [0.25, 0.0]]
FIRST = [[[2.0, -1.0], [4.0, 0.0]], [[-2.0, 3.0], [0.0, 1.0]]]  # of two units: z = 1 and 2
SECOND = [3.0, 1.0]  # the score is 3 · 1 + 1 · 2 = 5, of which the units have 3 and 2
RULES = ("epsilon", "epsilon-gamma-box")
both = pytest.mark.parametrize("rules", RULES)


class TwoLayers(nn.Module):
    """A convolution over the whole image, which looks at the first color only, and a linear one."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 2, 2, bias=False), nn.Linear(2, 2, bias=False)
        tiny.fill(self.conv.weight, np.zeros((2, 3, 2, 2), np.float32))
        tiny.fill(self.conv.weight[:, 0], np.array(FIRST, np.float32))
        tiny.fill(self.fc.weight, np.array([[0, 0], SECOND], np.float32))

    def forward(self, images):
        return self.fc(F.relu(self.conv(images)).flatten(1))


@pytest.mark.parametrize(
    ("method", "relevance"),
    [
        # unit 0: (1, −1, 1, 0) / 1 · 3; unit 1: (−1, 3, 0, 0) / 2 · 2
        (Lrp(rules="epsilon"), [[2, 0], [3, 0]]),
        # the units have 3 · 5/6 and 2 · 5/6 and share them by (…) / (1 + 1) and (…) / (2 + 1)
        (Lrp(rules="epsilon", epsilon=1.0), [[1.25 - 5 / 9, 5 / 3 - 1.25], [1.25, 0]]),
        # z^B: unit 0: (1, 0, 1, 0) / 2 · 3; unit 1: (1, 3, 0, 0) / 4 · 2
        (Lrp(), [[2, 1.5], [1.5, 0]]),
    ],
)
def test_two_layers_worked_out_by_hand(method, relevance):
    image = torch.zeros(3, 2, 2)
    image[0] = torch.tensor(PIXELS)
    result = method(ImageCase(tiny.classifier(TwoLayers(), 2), image, Target(1)))
    np.testing.assert_allclose(result["map"].values, relevance, atol=1e-5)
    np.testing.assert_allclose(result["conservation"].values, [np.sum(relevance), 5], atol=1e-5)


class Chain(nn.Module):
    """Three convolutions of one place each, so that a layer is a matrix; inputs of both signs."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 2), nn.Conv2d(6, 5, 1)
        self.conv3 = nn.Conv2d(5, 2, 1)

    def forward(self, images):
        return self.conv3(F.relu(self.conv2(self.conv1(images)))).flatten(1)


@pytest.mark.parametrize("in_place", [False, True])
def test_what_an_activation_does_to_memory_that_is_read_again_is_what_the_network_does(in_place):
    class Twice(nn.Module):
        def forward(self, images):
            before = images - 0.5
            F.relu(before, inplace=in_place)  # its result is not looked at
            return torch.stack([before[:, 0], -before[:, 0]], 1).mean((2, 3))

    image = torch.tensor([[0.0, 1.0], [0.75, 0.5]]).expand(3, -1, -1)
    heat = Lrp(rules="epsilon")(ImageCase(tiny.classifier(Twice(), 2), image, Target(0)))
    score = 0.75 / 4 if in_place else 0.25 / 4
    assert heat["conservation"].values[1] == pytest.approx(score, abs=1e-5)


def shared(values, weights, bias, relevance, gamma):
    """One layer's generalized γ rule as Andéol et al. write it, unit by unit."""
    result = np.zeros_like(values)
    for row, shift, unit_relevance in zip(weights, bias, relevance, strict=True):
        parts = values * row
        sign = np.sign(parts.sum() + shift)
        parts = parts * np.where(np.sign(parts) == sign, 1 + gamma, 1)
        whole = parts.sum() + shift * (1 + gamma if np.sign(shift) == sign else 1)
        result += parts / whole * unit_relevance
    return result


def boxed(values, weights, relevance):
    """The z^B rule for pixels between 0 and 1, unit by unit."""
    result = np.zeros_like(values)
    for row, unit_relevance in zip(weights, relevance, strict=True):
        parts = values * row - np.minimum(row, 0)
        result += parts / parts.sum() * unit_relevance
    return result


@pytest.mark.parametrize("gamma", [0.0, 0.25, 2.0])
def test_the_rules_written_out_unit_by_unit(gamma):
    network = tiny.random_weights(Chain(), seed=5)
    case = case_of(network, 1, 2)
    image, layers = case.image.double().numpy().ravel(), [*network.children()]
    weights = [layer.weight.detach().flatten(1).double().numpy() for layer in layers]
    biases = [layer.bias.detach().double().numpy() for layer in layers]
    first = weights[0] @ image + biases[0]
    second = np.maximum(weights[1] @ first + biases[1], 0)
    score = weights[2][1] @ second + biases[2][1]
    assert (first < 0).any()
    assert (second > 0).sum() > 1
    relevance = shared(second, weights[2][1:], biases[2][1:], [score], gamma)
    relevance = shared(first, weights[1], biases[1], relevance, gamma)
    pixels = boxed(image, weights[0], relevance)
    heat = Lrp(gamma=gamma)(case)["map"]
    np.testing.assert_allclose(heat.values, pixels.reshape(3, 2, 2).sum(0), rtol=1e-3, atol=1e-4)


def test_pixels_lie_between_bounds_that_need_not_be_zero_and_one():
    """W x − W⁺ l − W⁻ h, for the lowest and highest pixels as the first layer sees them."""
    weight = np.array([[1.0, -2, 3], [-1, 0.5, 0]], np.float32)
    image, low, high = (np.full(3, value, np.float32) for value in (0.5, -1.5, 2))
    layer = LinearLayer(F.linear, torch.empty(0), torch.tensor(weight), None, box_rule)
    result = box_rule(layer, torch.tensor(np.stack([image, low, high])))
    expected = weight @ image - np.maximum(weight, 0) @ low - np.minimum(weight, 0) @ high
    np.testing.assert_allclose(result[0], expected)
    assert away_from_zero(torch.tensor([-1.0, 0, 2]), 0.5).tolist() == [-1.5, 0.5, 2.5]


def unbiased(network):
    """Random weights, every bias 0; batch norms scale and do not shift."""
    tiny.random_weights(network)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
    return network


# torch is given the β of a softplus by position
STEEP = [nn.Softplus(2.0), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10)]


@both
@pytest.mark.parametrize("network", [Pooled(), nn.Sequential(nn.Conv2d(3, 4, 3), *STEEP)])
def test_without_biases_the_map_adds_up_to_the_score(network, rules):
    case = case_of(unbiased(network))
    result = Lrp(rules=rules, epsilon=1e-7)(case)
    score = case.score(case.image[None]).item()
    assert abs(score) > 0.1
    assert result["map"].values.sum(dtype=np.float64) == pytest.approx(score, rel=1e-3)
    assert result["conservation"].values == pytest.approx([score, score], rel=1e-3)


def test_biases_and_epsilon_keep_a_part_and_without_biases_it_is_gradient_times_input():
    case = tiny.cnn_case()
    score = case.score(case.image[None]).item()
    methods = [Lrp(rules="epsilon", epsilon=epsilon) for epsilon in (1e-7, 1.0)]
    absorbed = [score - method(case)["map"].values.sum() for method in methods]
    assert abs(absorbed[0]) > 0.01 * abs(score)
    assert abs(absorbed[1] - absorbed[0]) > 0.01 * abs(score)
    case = case_of(unbiased(tiny.Cnn()), 3)
    expected = GradientXInput(baseline="black")(case)["map"].values
    heat = methods[0](case)["map"].values
    np.testing.assert_allclose(heat, expected, atol=2e-3 * abs(expected).max())
    assert expected.any()


class Normed(nn.Module):
    """A convolution and a linear layer, each with a batch norm or with one merged into it."""

    def __init__(self, conv, norm, rest):
        super().__init__()
        self.conv, self.norm, self.rest = conv, norm, rest

    def forward(self, images):
        return self.rest(F.relu(self.norm(self.conv(images))).mean((2, 3)))


@both
def test_a_batch_norm_counts_as_part_of_the_layer_before_it(rules):
    conv, norm = nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6)
    body = nn.Sequential(conv, norm, nn.ReLU(), nn.Conv2d(6, 6, 3), nn.BatchNorm2d(6))
    tiny.random_weights(body)
    with torch.no_grad():
        for values in (body[1].running_mean, body[4].running_mean):
            values.uniform_(-0.3, 0.3, generator=tiny.seeded(1))
    body.eval()
    fused = nn.Sequential(
        fuse_conv_bn_eval(body[0], body[1]), nn.ReLU(), fuse_conv_bn_eval(body[3], body[4])
    )
    rest = tiny.random_weights(nn.Linear(6, 4), seed=2)
    separate, merged = (
        Lrp(rules=rules)(case_of(Normed(layers, nn.Identity(), rest), 1))["map"].values
        for layers in (body, fused)
    )
    np.testing.assert_allclose(separate, merged, atol=1e-4 * abs(merged).max())
    assert abs(merged).max() > 0


def test_a_batch_norm_after_an_activation_in_place_is_a_layer_of_its_own():
    maps = []
    for inplace in (True, False):
        conv = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(inplace=inplace))
        network = tiny.random_weights(Normed(conv, nn.BatchNorm2d(6), nn.Linear(6, 4)))
        maps.append(Lrp()(case_of(network, 1))["map"].values)
    np.testing.assert_allclose(*maps, rtol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_it_takes_every_small_network_that_deeplift_takes(name):
    case = case_of(build(name, NetworkShape(1, 32, 4), seed=0))
    assert Lrp.unmet(case) == DeepLift.unmet(case)
    if not Lrp.unmet(case):
        noisy, smooth = (Lrp(rules=rules)(case)["map"].values for rules in RULES)
        assert np.isfinite([noisy, smooth]).all()
        assert abs(noisy - smooth).max() > 0


def test_probabilities_are_read_as_logits_and_a_contrast_is_the_difference():
    maps = [
        Lrp()(replace(tiny.cnn_case(), target=target))["map"].values
        for target in (Target(3, reading="probability"), Target(3), Target(1), Target(3, versus=1))
    ]
    np.testing.assert_allclose(maps[0], maps[1])
    np.testing.assert_allclose(maps[3], maps[1] - maps[2], atol=1e-4)


@pytest.mark.parametrize("kind", [Lrp, DeepLift])
def test_gates_attention_and_layer_norm_are_refused(kind):
    gated = case_of(tiny.random_weights(Gated()))
    for case, words in ((gated, "gates"), (tiny.vit_case(), "layer normalization")):
        with pytest.raises(DoesNotFit, match=words):
            kind()(case)
