"""Small parts that models are made of, each by hand."""

import json

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from engine.core.errors import BadModel
from engine.vision.models import embedded
from engine.vision.models.compiling import REQUEST, WEIGHTS, write_request
from engine.vision.models.embedded import rounded
from engine.vision.models.pace import Pace, bytes_per_image
from engine.vision.models.passes import Passes, counting_passes
from engine.vision.models.rebuild import resize
from engine.vision.models.small.vit import patch
from tests import tiny


def test_a_patch_is_the_smallest_that_parts_the_side_into_twelve_or_fewer():
    assert [patch(side) for side in (8, 24, 25, 26, 28)] == [2, 2, 5, 13, 4]
    with pytest.raises(BadModel, match="13 pixels cannot be parted"):
        patch(13)


def test_each_image_that_goes_through_a_model_is_counted_and_each_that_comes_back():
    model = tiny.cnn().requires_grad_(requires_grad=True)
    with counting_passes(passes := Passes()):
        model(torch.rand(3, 3, 32, 32))
        assert (passes.forward, passes.backward) == (3, 0)
        with torch.enable_grad():
            model(torch.rand(2, 3, 32, 32)).sum().backward()
    assert (passes.forward, passes.backward) == (5, 2)


def test_weights_are_rounded_to_what_16_bits_hold_and_counts_stay():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.LazyLinear(4))
    network(torch.zeros(2, 3, 8, 8))
    model = tiny.classifier(tiny.random_weights(network), side=8)
    network[1].num_batches_tracked.fill_(70_001)  # more than 16 bits hold
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    rounded(model)
    for name, tensor in network.state_dict().items():
        exact = before[name]
        assert torch.equal(tensor, exact.half().float() if exact.is_floating_point() else exact)
    assert not torch.equal(network[0].weight, before["0.weight"])


def test_the_room_that_an_image_may_need_is_64_maps_of_its_size():
    assert bytes_per_image(tiny.cnn()) == 64 * 4 * 32 * 32


def test_what_compiles_elsewhere_is_given_the_weights_and_how_to_build_the_network(tmp_path):
    model = embedded.load("digits-mlp")
    write_request(model, Pace(32, channels_last=False, use="exact", seconds=0.1), tmp_path)
    request = json.loads((tmp_path / REQUEST).read_text())
    assert (request["architecture"], request["side"], request["classes"]) == ("mlp", 8, 10)
    assert (request["batch"], request["channels_last"]) == (32, False)
    file = load_file(tmp_path / WEIGHTS)
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(file[name], tensor)


def test_a_depthwise_convolution_gets_as_many_groups_as_filters_are_left():
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 2, 1))
    shapes = {"0.weight": (4, 3, 3, 3), "1.weight": (4, 1, 3, 3), "2.weight": (2, 4, 1, 1)}
    resize(network, shapes | {"0.bias": (4,), "1.bias": (4,), "2.bias": (2,)})
    assert (network[1].groups, network[1].in_channels, network[1].out_channels) == (4, 4, 4)
    assert network[2].groups == 1
    assert network(torch.rand(1, 3, 8, 8)).shape == (1, 2, 4, 4)
