"""zennit's LRP on the same weights and images: the same relevance, pixel by pixel.

zennit puts hooks on modules: a batch norm has to be merged into its convolution, and a sum has to
become a module, before its rules see them. Here that is done to the peer's copy of a network.
"""

from types import MethodType

import numpy as np
import pytest
import torch
from timm.layers import BatchNormAct2d
from timm.models._efficientnet_blocks import InvertedResidual
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import resnet18

from engine.attribution.heatmaps.lrp import Lrp
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.data.registry import load as load_data
from engine.vision.models import catalog
from engine.vision.models.lite import load_lite
from tests import tiny
from tests.engine.attribution.photo import EGYPTIAN_CAT, cat_case

peer = pytest.importorskip("zennit")
pytestmark = pytest.mark.peer

SETTINGS = [("epsilon", 1e-2, 0.25)]
SETTINGS += [("epsilon-gamma-box", 1e-6, 0.25), ("epsilon-gamma-box", 1e-2, 1.0)]
settings = pytest.mark.parametrize(("rules", "epsilon", "gamma"), SETTINGS)


def composite(rules, epsilon, gamma, low, high, canonizers):
    from zennit.composites import EpsilonGammaBox, LayerMapComposite, layer_map_base
    from zennit.rules import Epsilon
    from zennit.types import Linear

    if rules == "epsilon-gamma-box":
        return EpsilonGammaBox(low, high, epsilon, gamma, canonizers=canonizers)
    return LayerMapComposite([*layer_map_base(), (Linear, Epsilon(epsilon))], canonizers=canonizers)


def assert_the_same(method, case, network, bounds, canonizers=()):
    """Our map and the peer's agree to a thousandth of the largest value."""
    model = case.model
    image = ((case.image[None] - model.mean) / model.std).requires_grad_()
    rules = composite(method.rules, method.epsilon, method.gamma, *bounds, list(canonizers))
    with rules.context(network.eval()) as hooked:
        logits = hooked(image)
        start = torch.zeros_like(logits)
        start[0, case.target.index] = logits[0, case.target.index].detach()
        (relevance,) = torch.autograd.grad(logits, image, start)
    ours, theirs = method(case)["map"].values, relevance[0].sum(0).numpy()
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-3 * abs(theirs).max())


def bounds(model):
    """Black and white as the network receives them, (1, 3, 1, 1) each."""
    return (0 - model.mean) / model.std, (1 - model.mean) / model.std


@settings
def test_relevance_is_theirs_on_the_cnn_of_the_digits(rules, epsilon, gamma):
    model = catalog.have("digits-cnn")
    image = load_data("digits").pixels([7])[0]
    low, high = (bound[:, :1] for bound in bounds(model))  # it begins with the mean of the colors
    case = ImageCase(model, image, Target(7))
    method = Lrp(rules=rules, epsilon=epsilon, gamma=gamma)
    assert_the_same(method, case, catalog.have("digits-cnn").network, (low, high))


@settings
def test_relevance_is_theirs_on_a_resnet(rules, epsilon, gamma):
    from zennit.torchvision import ResNetCanonizer

    networks = [lively(resnet18(num_classes=5)) for _ in range(2)]
    case = ImageCase(tiny.classifier(networks[0], side=64), tiny.image(64), Target(3))
    method = Lrp(rules=rules, epsilon=epsilon, gamma=gamma)
    assert_the_same(method, case, networks[1], (0.0, 1.0), [ResNetCanonizer()])


@settings
def test_relevance_is_theirs_on_efficientnet_lite0(rules, epsilon, gamma):
    case = cat_case()
    assert case.target.index == EGYPTIAN_CAT
    network = summed(merged(load_lite().network.eval()))
    method = Lrp(rules=rules, epsilon=epsilon, gamma=gamma)
    assert_the_same(method, case, network, bounds(case.model))


def lively(network):
    """Weights drawn from a seed, and batch norms with means and variances of their own."""
    generator = tiny.seeded(3)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, generator=generator)
        if isinstance(module, nn.BatchNorm2d):
            for values, low, high in (
                (module.running_mean, -0.2, 0.2),
                (module.running_var, 0.5, 1.5),
                (module.weight.data, 0.5, 1.2),
                (module.bias.data, -0.1, 0.1),
            ):
                values.uniform_(low, high, generator=generator)
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, generator=generator)
            nn.init.zeros_(module.bias)
    return network.eval()


def merged(network):
    """Each batch norm in the convolution before it, its activation left as a module."""
    before = {}
    for name, module in list(network.named_modules()):
        parent, _, last = name.rpartition(".")
        if isinstance(module, nn.Conv2d):
            before = {"name": name, "conv": module}
        if isinstance(module, BatchNormAct2d):
            network.set_submodule(before["name"], fuse_conv_bn_eval(before["conv"], module))
            setattr(network.get_submodule(parent), last, module.act)
    return network


def summed(network):
    """Each shortcut added by a module of the peer's."""
    from zennit.layer import Sum

    def forward(self, maps):
        hidden = self.bn1(self.conv_pw(maps))
        hidden = self.bn3(self.conv_pwl(self.bn2(self.conv_dw(hidden))))
        return self.sum(torch.stack([hidden, maps], -1)) if self.has_skip else hidden

    for module in network.modules():
        if isinstance(module, InvertedResidual):
            module.sum, module.forward = Sum(), MethodType(forward, module)
    return network
