"""DeepLIFT's map adds up exactly to the logit's difference, or the method refuses."""

from dataclasses import replace

import captum.attr
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from engine.attribution.heatmaps.deep_lift import DeepLift
from engine.vision.case.target import Target
from tests import tiny
from tests.engine.attribution.photo import cat_case
from tests.engine.attribution.toys import case_of

ACTIVATIONS = [nn.ReLU, nn.ReLU6, nn.GELU, nn.SiLU, nn.Hardswish, nn.Sigmoid, nn.Tanh, nn.ELU]
ACTIVATIONS += [nn.LeakyReLU, nn.Softplus, nn.Mish, nn.PReLU, nn.SELU]


class Pooled(nn.Module):
    """Overlapping max pools, in-place and twice used activations, a residual sum."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.act = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.fc = nn.Linear(8, 4)

    def forward(self, images):
        hidden = self.pool(self.act(self.norm(self.conv1(images))))
        hidden = self.act(self.conv2(hidden)) + hidden
        hidden += F.relu6(hidden, inplace=False)
        return self.fc(F.max_pool2d(hidden, 2).mean((2, 3)))


class Gated(tiny.Cnn):
    """Squeeze and excite: the map is multiplied by what it says itself."""

    def forward(self, images):
        hidden = self.act1(self.conv1(images))
        hidden = self.act2(self.conv2(hidden * hidden.mean((2, 3), keepdim=True).sigmoid()))
        return self.fc(hidden.mean((2, 3)))


def assert_complete(case, baseline, rel):
    result = DeepLift(baseline=baseline)(case)
    rise = case.score(case.image[None]) - case.score(case.baseline(baseline)[None])
    assert result["map"].values.sum(dtype=np.float64) == pytest.approx(rise.item(), rel=rel)
    assert result["completeness"].values[1] == pytest.approx(rise.item(), rel=1e-4)


@pytest.mark.parametrize("baseline", ["mean", "black", "blur"])
def test_the_map_adds_up_to_the_difference_on_efficientnet_lite0(baseline):
    assert_complete(cat_case(), baseline, rel=1e-3)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda kind: kind.__name__)
def test_every_activation_has_the_rule(activation):
    case = tiny.cnn_case(activation)
    assert_complete(replace(case, image=case.image * 12 - 6), "mean", rel=1e-4)


def test_max_pools_in_place_and_twice_used_activations_have_it_too():
    assert_complete(case_of(tiny.random_weights(Pooled())), "blur", rel=1e-4)


def by_captum(case):
    """Its map, counted from the blurred image."""
    peer = captum.attr.DeepLift(case.model).attribute(
        case.image[None], baselines=case.baseline("blur")[None], target=case.target.index
    )
    return peer[0].sum(0).detach().numpy()


@pytest.mark.filterwarnings("ignore:Setting forward, backward hooks")
def test_captum_agrees_on_a_network_of_relu():
    case = tiny.cnn_case()
    heat = DeepLift(baseline="blur")(case)["map"]
    np.testing.assert_allclose(heat.values, by_captum(case), atol=1e-4)


class Adjacent(nn.Module):
    """ReLU and max pool, one directly after the other or with a step between them."""

    def __init__(self, apart, kernel):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.act = nn.ReLU()
        self.pool = nn.MaxPool2d(kernel, stride=2)
        self.fc = nn.Linear(8, 4)
        self.apart = apart

    def forward(self, images):
        hidden = self.act(self.conv(images))
        return self.fc(self.pool(hidden * 1 if self.apart else hidden).mean((2, 3)))


@pytest.mark.filterwarnings("ignore:Setting forward, backward hooks")
@pytest.mark.parametrize(("apart", "kernel"), [(True, 2), (False, 2), (True, 3)])
def test_captum_misses_the_difference_unless_a_step_stands_before_a_pool_without_overlap(
    apart, kernel
):
    case = case_of(tiny.random_weights(Adjacent(apart, kernel)))
    result = DeepLift(baseline="blur")(case)
    ours, rise = result["map"].values, result["completeness"].values[1]
    peer = by_captum(case)
    assert ours.sum() == pytest.approx(rise, rel=1e-4)
    if (apart, kernel) == (True, 2):
        np.testing.assert_allclose(ours, peer, atol=1e-4 * abs(ours).max())
    else:
        assert abs(peer.sum() - rise) > 10 * abs(ours.sum() - rise)
        assert abs(peer - ours).max() > 0.01 * abs(ours).max()


def test_probabilities_and_margins_are_read_as_logits():
    case = tiny.cnn_case()
    logits = case.model.logits(case.image[None])[0]
    rival = int(torch.cat([logits[:3], torch.tensor([-torch.inf])]).argmax())
    for reading, linear in (("probability", Target(3)), ("margin", Target(3, versus=rival))):
        read, expected = (
            DeepLift()(replace(case, target=variant))["map"]
            for variant in (Target(3, reading=reading), linear)
        )
        np.testing.assert_allclose(read.values, expected.values, atol=1e-6)
        assert read.unit == "logit"
