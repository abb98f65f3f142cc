"""Networks of papers on CIFAR: sizes as published, and logits as another spelling computes them."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from engine.vision.models.small import NetworkShape, build
from engine.vision.models.small.cifar import CIFAR, resnets, vggs
from engine.vision.models.spelling import fitting_networks, respelled
from tests import tiny

PUBLISHED = {  # millions of weights: He et al. 2016, table 6, and the usual repositories
    "cifar_resnet20": 0.27,
    "cifar_resnet32": 0.46,
    "cifar_resnet44": 0.66,
    "cifar_resnet56": 0.85,
    "cifar_resnet110": 1.7,
    "cifar_resnet18": 11.17,
    "cifar_resnet34": 21.28,
    "cifar_resnet50": 23.52,
    "cifar_vgg16_bn": 14.73,
}


def weights(name, shape):
    network = build(name, shape, seed=1)
    generator = tiny.seeded(2)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
    return network.eval(), network.state_dict()


@pytest.mark.parametrize(("name", "millions"), PUBLISHED.items())
def test_networks_have_the_published_number_of_weights(name, millions):
    with torch.device("meta"):
        network = {**resnets(), **vggs()}[name](NetworkShape(3, 32, 10))
    count = sum(weight.numel() for weight in network.parameters()) / 1e6
    assert count == pytest.approx(millions, abs=0.5 * 10 ** -(1 if millions == 1.7 else 2))


def normalized(maps, state, name):
    parts = ("running_mean", "running_var", "weight", "bias")
    return F.batch_norm(maps, *(state[f"{name}.{part}"] for part in parts))


def plain_resnet(images, state, blocks):
    """A ResNet of basic blocks from a table of weights alone: `shortcut`, `linear`."""
    maps = F.relu(normalized(F.conv2d(images, state["conv1.weight"], padding=1), state, "bn1"))
    for stage, depth in enumerate(blocks, 1):
        for index in range(depth):
            name = f"layer{stage}.{index}"
            stride = 2 if stage > 1 and index == 0 else 1
            inner = F.conv2d(maps, state[f"{name}.conv1.weight"], stride=stride, padding=1)
            inner = F.relu(normalized(inner, state, f"{name}.bn1"))
            inner = F.conv2d(inner, state[f"{name}.conv2.weight"], padding=1)
            inner = normalized(inner, state, f"{name}.bn2")
            if f"{name}.shortcut.0.weight" in state:
                shortcut = F.conv2d(maps, state[f"{name}.shortcut.0.weight"], stride=stride)
                shortcut = normalized(shortcut, state, f"{name}.shortcut.1")
            elif stride == 2:
                quarter = maps.shape[1] // 2
                shortcut = F.pad(maps[:, :, ::2, ::2], (0, 0, 0, 0, quarter, quarter))
            else:
                shortcut = maps
            maps = F.relu(inner + shortcut)
    return F.linear(maps.mean((2, 3)), state["linear.weight"], state["linear.bias"])


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        ("cifar_resnet18", (2, 2, 2, 2)),
        ("cifar_resnet20", (3, 3, 3)),
        ("cifar_resnet32_projected", (5, 5, 5)),
    ],
)
def test_weights_of_another_spelling_give_the_logits_of_their_own_code(name, blocks):
    _, state = weights(name, NetworkShape(3, 32, 7))
    theirs = {
        key.replace("fc.", "linear.").replace("downsample", "shortcut"): tensor
        for key, tensor in state.items()
        if "num_batches" not in key
    }
    ours = build(name, NetworkShape(3, 32, 7), seed=9).eval()
    named = respelled(theirs)
    assert fitting_networks(named.state) == (name,)
    ours.load_state_dict(named.state)
    images = torch.rand(3, 3, 32, 32, generator=tiny.seeded(3))
    expected = plain_resnet(images, theirs, blocks)
    torch.testing.assert_close(ours(images), expected, rtol=1e-4, atol=1e-4)


def test_two_vggs_that_differ_in_pooling_alone_both_fit_and_answer_differently():
    network, state = weights("cifar_vgg11_bn", NetworkShape(3, 32, 10))
    names = fitting_networks(respelled(state).state)
    assert names == ("cifar_vgg11_bn", "cifar_vgg11_bn_lth")
    other = build(names[1], NetworkShape(3, 32, 10))
    other.load_state_dict(state)
    images = torch.rand(2, 3, 32, 32, generator=tiny.seeded(3))
    assert not torch.allclose(network(images), other.eval()(images), rtol=1e-2)
    assert other.features(images).shape[-1] == 2 * network.features(images).shape[-1]


def test_a_normalization_inside_the_file_is_taken_out_and_reported():
    _, state = weights("cifar_resnet20", NetworkShape(3, 32, 10))
    mean, std = torch.tensor([0.4, 0.5, 0.6]), torch.full((3,), 0.2)
    inside = {"normalize.mean": mean, "normalize.std": std}
    named = respelled({**state, **inside})
    assert named.mean == pytest.approx((0.4, 0.5, 0.6))
    assert named.std == pytest.approx((0.2, 0.2, 0.2))
    assert set(named.state) == set(state)
    gray = {"normalize.mean": torch.tensor(0.4), "normalize.std": torch.full((1, 1), 0.2)}
    named = respelled({**state, **gray})
    assert (named.mean, named.std) == (pytest.approx((0.4,) * 3), pytest.approx((0.2,) * 3))
    for part, values in (("mean", [0.4, torch.nan, 0.4]), ("mean", [0.4] * 2), ("std", [1, 0, 1])):
        named = respelled({**state, **inside, f"normalize.{part}": torch.tensor(values)})
        assert named.mean is named.std is None
        assert set(named.state) == set(state)


@pytest.mark.parametrize("broken", ["shape", "missing", "none"])
def test_weights_of_something_else_fit_nothing(broken):
    _, state = weights("cifar_resnet20", NetworkShape(3, 32, 10))
    state = dict(state)
    if broken == "shape":
        state["layer1.0.conv1.weight"] = torch.zeros(16, 16, 5, 5)
    elif broken == "missing":
        del state["layer3.2.bn2.weight"]
    else:
        state = {"a": torch.zeros(3)}
    assert fitting_networks(respelled(state).state) == ()


@pytest.mark.parametrize("name", CIFAR)
def test_every_network_fits_its_own_weights_in_gray_too(name):
    with torch.device("meta"):
        state = build(name, NetworkShape(1, 32, 4)).state_dict()
    assert name in fitting_networks(state)
