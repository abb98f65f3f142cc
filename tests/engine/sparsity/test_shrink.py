"""What is taken out changes no logit, and what cannot be followed stays."""

import numpy as np
import pytest
import torch
from torch import nn

from engine.core.errors import BlindspotError
from engine.evaluation.cost import multiply_adds
from engine.sparsity import MaskRules, Pruner, pruned, shrunk
from engine.sparsity.masks.channels import Channels, channels_of
from engine.vision.models import catalog, embedded
from engine.vision.models.small import SMALL, NetworkShape, build
from tests import tiny
from tests.engine.sparsity.cases import magnitudes


def lively(network, seed=0):
    """Random weights, and norms that have seen something."""
    generator = tiny.seeded(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                for tensor in (module.weight, module.bias, module.running_mean):
                    tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.5 + 0.3)
                shape = module.running_var.shape
                module.running_var.copy_(torch.rand(shape, generator=generator) + 0.5)
            elif isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
                module.bias.copy_(torch.randn(module.bias.shape, generator=generator))
    return network


def cut(model, ratio=0.5, **rules):
    masks = Pruner(model, magnitudes(model), MaskRules("per layer", **rules)).at(ratio)
    return pruned(model, masks), masks


def largest_difference(model, other):
    pixels = torch.rand(3, 3, model.side, model.side, generator=tiny.seeded(3))
    return (model.logits(pixels) - other.logits(pixels)).abs().max().item()


@pytest.mark.parametrize("structure", ["filter", "channel", "group"])
@pytest.mark.parametrize("name", [name for name in SMALL if name != "vit"])
def test_logits_without_the_channels_are_those_with_zeros(name, structure):
    model = tiny.classifier(lively(build(name, NetworkShape(1, 16, 5), 0)), side=16)
    zeros, masks = cut(model, structure=structure)
    smaller = shrunk(zeros)
    scale = max(zeros.logits(torch.rand(2, 3, 16, 16)).abs().max().item(), 1.0)
    assert largest_difference(zeros, smaller.model) <= 1e-5 * scale
    assert masks.kept < masks.total
    if structure == "group":
        assert smaller.after < smaller.before
        assert multiply_adds(smaller.model) < multiply_adds(model)
        assert largest_difference(model, zeros) > 1e-3  # it was no empty exercise
        assert str(sum(smaller.taken.values())) in smaller.words


def test_a_convolution_that_goes_through_each_channel_follows_its_maker():
    class Mobile(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)
            self.deep, self.bn2 = nn.Conv2d(8, 8, 3, groups=8, bias=False), nn.BatchNorm2d(8)
            self.gate = nn.Conv2d(8, 8, 1)
            self.conv2 = nn.Conv2d(8, 12, 1)
            self.act = nn.ReLU6()
            self.fc = nn.Linear(12, 4)

        def forward(self, images):
            hidden = self.act(self.bn1(self.conv1(images)))
            hidden = self.act(self.bn2(self.deep(hidden)))
            hidden = hidden * self.gate(hidden.mean((2, 3), keepdim=True)).sigmoid()
            return self.fc(self.act(self.conv2(hidden)).mean((2, 3)))

    model = tiny.classifier(lively(Mobile()), side=12)
    spaces = channels_of(model).spaces
    assert ("conv1.weight", "deep.weight", "gate.weight") in {space.makers for space in spaces}
    zeros, _ = cut(model, structure="group")
    smaller = shrunk(zeros).model
    assert smaller.network.deep.groups == 4
    assert smaller.network.conv1.out_channels == 4
    assert largest_difference(zeros, smaller) < 1e-5


def test_channels_of_several_groups_stay_and_those_that_become_something_by_a_sigmoid():
    class Grouped(nn.Sequential):
        def __init__(self):
            convolutions = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, groups=2), nn.Conv2d(8, 6, 1)
            super().__init__(*convolutions, nn.Conv2d(6, 4, 1), nn.Flatten(), nn.Linear(256, 4))

    model = tiny.classifier(lively(Grouped()), side=12)
    assert {space.makers for space in channels_of(model).spaces} == {("2.weight",), ("3.weight",)}

    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3)
            self.fc = nn.Linear(6, 4)

        def forward(self, images):
            hidden = self.conv2(self.conv1(images).sigmoid())
            return self.fc(hidden.roll(1, 1).mean((2, 3)))  # roll is not known

    assert channels_of(tiny.classifier(lively(Odd()), side=12)).spaces == ()


class Pair(nn.Module):
    """Two convolutions of the image, joined, and one that reads what comes of it."""

    def __init__(self, join, wide):
        super().__init__()
        self.join = join
        self.one, self.two = nn.Conv2d(3, 6, 3), nn.Conv2d(3, 6, 3)
        self.last, self.fc = nn.Conv2d(wide, 5, 1), nn.Linear(5, 4)

    def forward(self, images):
        return self.fc(self.last(self.join(self.one(images), self.two(images))).mean((2, 3)))


BOTH, FIRST_ONLY, TWO = ("one.weight", "two.weight"), ("one.weight",), ("two.weight",)


@pytest.mark.parametrize(
    ("join", "wide", "followed"),
    [
        (lambda first, second: first + second, 6, {BOTH}),
        (lambda first, second: first - second, 6, {BOTH}),
        (lambda first, second: first * second, 6, {BOTH}),
        (lambda first, second: torch.cat([first, second], 1), 12, {FIRST_ONLY, TWO}),
        (lambda first, second: torch.cat([first, second], -3), 12, {FIRST_ONLY, TWO}),
        (lambda first, second: 3 * first + second / 2, 6, {BOTH}),
        (lambda first, second: first + 1 + second, 6, set()),  # silence is 1 then
        (lambda first, second: first + second / (first + 9), 6, set()),
        (lambda first, second: torch.cat([first, second], 2), 6, set()),
        (lambda first, second: torch.stack([first, second]).sum(0), 6, set()),  # stack is not known
    ],
)
def test_channels_of_two_layers_go_together_apart_or_not_at_all(join, wide, followed):
    model = tiny.classifier(lively(Pair(join, wide)), side=12)
    assert {space.makers for space in channels_of(model).spaces} - {("last.weight",)} == followed
    zeros, _ = cut(model, structure="group")
    smaller = shrunk(zeros)
    assert largest_difference(zeros, smaller.model) < 1e-4
    assert ("one" in smaller.taken) == bool(followed)


def test_a_vision_transformer_keeps_its_size():
    model = tiny.vit()
    masks = Pruner(model, magnitudes(model)).at(0.5)
    smaller = shrunk(pruned(model, masks))
    assert smaller.taken == {}
    assert "Nothing can be taken out" in smaller.words
    assert not smaller.model.narrowed
    assert largest_difference(pruned(model, masks), smaller.model) == 0


def test_parameters_fall_as_the_square_when_half_of_every_channel_goes():
    zeros, _ = cut(embedded.load("phantom-cnn"), structure="group")
    smaller = shrunk(zeros)
    assert smaller.after / smaller.before == pytest.approx(0.25, abs=0.02)
    assert largest_difference(zeros, smaller.model) < 1e-5


def test_a_network_that_lost_a_whole_layer_to_zeros_keeps_one_channel_there():
    sizes = {"conv1.weight": (8, 3, 3, 3), "conv1.bias": (8,)}
    masks = {name: torch.zeros(size, dtype=torch.bool) for name, size in sizes.items()}
    zeros = pruned(tiny.cnn(), masks)
    smaller = shrunk(zeros)
    assert smaller.model.network.conv1.out_channels >= 1
    assert largest_difference(zeros, smaller.model) < 1e-6


def test_biases_and_norms_of_dead_filters_are_silent_and_only_those():
    model = tiny.classifier(lively(build("resnet8", NetworkShape(1, 16, 5), 0)), side=16)
    _, masks = cut(model, structure="filter")
    first = masks.array("blocks.1.conv1.weight").reshape(32, -1).any(1)
    assert np.array_equal(masks.array("blocks.1.bn1.bias"), first)
    assert np.array_equal(masks.array("blocks.1.bn1.weight"), first)
    assert (~first).sum() == 16
    model = tiny.classifier(nn.Sequential(nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(192, 4)), 8)
    silent = channels_of(model).silenced({"2.weight": np.zeros((4, 192), bool)})
    assert {name: alive.tolist() for name, alive in silent.items()} == {"2.bias": [False] * 4}
    # 5 is the sum of 1 and 3, 6 that of 2 and 4: silent where both terms are
    makers = {"a": np.array([1, 2]), "b": np.array([3, 4])}
    sums = Channels(makers, {}, {"norm": np.array([5, 6])}, np.array([0, 1, 2, 1, 2, 1, 2]), ())
    bits = {"a": np.array([[0, 0], [0, 0]], bool), "b": np.array([[0, 0], [0, 1]], bool)}
    assert sums.silenced(bits)["norm"].tolist() == [False, True]


def test_channels_of_the_photograph_model_can_be_taken_out_too():
    try:
        model = catalog.load("lite0")
    except BlindspotError as error:
        pytest.skip(str(error))
    zeros, masks = cut(model, structure="group")
    smaller = shrunk(zeros)
    pixels = torch.rand(1, 3, 224, 224, generator=tiny.seeded(3))
    logits = zeros.logits(pixels)
    assert (smaller.model.logits(pixels) - logits).abs().max() < 1e-5 * max(1, logits.abs().max())
    assert smaller.after < 0.55 * smaller.before  # the head keeps its thousand rows
    assert masks.density < 0.3
