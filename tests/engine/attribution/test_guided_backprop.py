"""Guided backpropagation equals its rule worked out by hand, also where captum does not look."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from engine.attribution.heatmaps.gradient import Gradient
from engine.attribution.heatmaps.guided_backprop import GuidedBackprop, guided_gradient
from engine.case import ImageCase
from engine.case.target import Target
from engine.errors import DoesNotFit
from engine.models.operations import RECTIFIERS, nodes, operation
from tests import tiny
from tests.engine.attribution.photo import cat_case

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
    """Layer by layer, from the score back to the pixels."""
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
    case = ImageCase(case.model, case.image * 12 - 6, case.target)  # so that ReLU6 saturates
    slow = by_hand(case.model.network, case.image, case.target.index, SLOPES[activation])
    np.testing.assert_allclose(guided_gradient(case), slow, atol=1e-5)
    _, plain = case.gradient(case.image[None])
    assert abs(plain[0] - slow).max() > 0.1 * abs(plain).max()
    result = GuidedBackprop(channels="signed")(case)["map"].values
    np.testing.assert_allclose(result, slow.sum(0), atol=3e-5)


@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU")
def test_captum_agrees_on_a_network_of_relu():
    from captum.attr import GuidedBackprop as Peer

    case = tiny.cnn_case()
    peer = Peer(case.model).attribute(case.image[None].requires_grad_(), target=3)
    np.testing.assert_allclose(guided_gradient(case), peer[0].detach(), atol=1e-5)


def test_activations_called_as_functions_and_in_place_are_seen():
    case = tiny.cnn_case()
    called = ImageCase(tiny.classifier(Called()), case.image, case.target)
    np.testing.assert_allclose(guided_gradient(called), guided_gradient(case), atol=1e-6)


def test_on_efficientnet_lite0_it_is_not_the_gradient():
    case = cat_case()
    guided = GuidedBackprop()(case)["map"].values.ravel()
    plain = Gradient()(case)["map"].values.ravel()
    assert guided @ plain / (np.linalg.norm(guided) * np.linalg.norm(plain)) < 0.9
    pixels = case.image[None].clone().requires_grad_()
    score = case.model(pixels)[0, 0]
    assert sum(operation(node) in RECTIFIERS for node in nodes(score)) == 33


def test_a_model_without_rectifiers_is_refused():
    with pytest.raises(DoesNotFit, match="rectifiers"):
        GuidedBackprop()(tiny.linear_case())
    gates = tiny.cnn_case(nn.Sigmoid)
    with pytest.raises(DoesNotFit, match="rectifiers"):
        GuidedBackprop()(ImageCase(gates.model, gates.image, Target(0)))
