"""Pixels in, logits out; what is looked up is right, named by its weights, and never in the way."""

import threading
from copy import deepcopy

import pytest
import timm
import torch
from torch import nn

from engine.core.borrow import borrowed
from engine.core.errors import BadModel, BlindspotError
from engine.vision.models.classifier import Classifier
from engine.vision.models.layers import Layer
from engine.vision.models.pace import Pace
from tests import tiny


@pytest.fixture
def model():
    return tiny.cnn()


@pytest.fixture
def pixels():
    return torch.stack([tiny.image(seed=n) for n in range(5)])


def test_normalization_is_inside(pixels):
    network = tiny.random_weights(tiny.Cnn())
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)
    model = Classifier(network, "a", "A", 32, mean, std, device=tiny.CPU)
    plain = (pixels - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    assert torch.allclose(model.logits(pixels), network(plain), atol=1e-5)
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert not model.logits(pixels).requires_grad
    zero = model(model.mean.expand(1, 3, 32, 32))
    assert torch.allclose(zero, network(torch.zeros(1, 3, 32, 32)), atol=1e-6)


@pytest.mark.parametrize("make", [tiny.cnn, tiny.vit])
def test_the_head_turns_the_features_into_the_logits(make, pixels):
    model = make()
    features, head = model.features(pixels), model.head
    assert features.shape == (5, head.in_features)
    assert torch.allclose(head(features), model.logits(pixels), atol=1e-4)


def test_layers_come_in_the_order_of_the_forward_pass_and_maps_are_what_they_give(model, pixels):
    assert torch.equal(model.maps(pixels, "conv1"), model.network.conv1(pixels))
    assert model.maps(pixels, "act2").shape == (5, 16, 16, 16)
    assert model.maps(pixels, "act2").min() == 0
    with pytest.raises(BadModel, match=r"no layer 'fc'; it has conv1, act1"):
        model.maps(pixels, "fc")
    shapes = {layer.name: layer.shape for layer in model.layers}
    assert list(shapes) == ["conv1", "act1", "pool", "conv2", "act2"]
    assert shapes["pool"] == (8, 16, 16)
    assert model.last_map.name == "act2"


def test_a_vision_transformer_has_tokens_attention_and_maps_of_its_patches(pixels):
    model = tiny.vit()
    blocks = [layer.name for layer in model.layers if layer.name.startswith("blocks")]
    assert blocks == ["blocks.0", "blocks.1", "blocks.2"]
    assert all(layer.is_tokens for layer in model.layers)
    assert model.outputs(pixels, "blocks.1").shape == (5, 17, 24)
    assert model.maps(pixels, "blocks.1").shape == (5, 24, 4, 4)
    assert len(model.attentions) == 3
    assert model.last_map.name == "blocks.1"  # only the class token of the last block is read
    with pytest.raises(BadModel, match=r"no map at layer 'blocks\.2'"):
        model.maps(pixels, "blocks.2")
    assert model.lacks("map") == ""
    assert "read as a map" in tiny.mlp().lacks("map")
    assert model.lacks("attention") == ""
    assert "attention" in tiny.cnn().lacks("attention")
    assert model.logits(pixels).shape == (5, 4)


def test_the_fingerprint_changes_with_a_weight_structure_normalization_and_size(model):
    strided = tiny.random_weights(tiny.Cnn())
    strided.conv2.stride = (2, 2)
    network, other = tiny.random_weights(tiny.Cnn()), tiny.cnn()
    with torch.no_grad():
        other.network.conv1.weight[0, 0, 0, 0] += 1e-6
    others = [
        other,
        tiny.cnn(nn.ReLU6),
        tiny.classifier(strided),
        Classifier(network, "a", "A", 32, (0.5, 0.5, 0.5), device=tiny.CPU),
        tiny.classifier(network, side=16),
    ]
    assert len({model.fingerprint, *(other.fingerprint for other in others)}) == 6


def test_the_fingerprint_does_not_change_with_mode_memory_format_flags_or_name(model):
    for change in (
        lambda net: None,
        lambda net: net.train(),
        lambda net: net.to(memory_format=torch.channels_last),
        lambda net: net.requires_grad_(requires_grad=True),
        lambda net: setattr(net, "title", "another"),
    ):
        other = tiny.cnn()
        change(other)
        assert other.fingerprint == model.fingerprint


def test_a_copy_makes_its_own_fingerprint_and_twin(model):
    before, twin = model.fingerprint, model._fast
    copy = deepcopy(model)
    assert copy.fingerprint == before
    copy = deepcopy(model)
    with torch.no_grad():
        copy.network.fc.bias += 1
    assert copy.fingerprint != before
    assert copy._fast is not twin
    assert model.fingerprint == before
    shift = copy.logits(torch.zeros(1, 3, 32, 32)) - model.logits(torch.zeros(1, 3, 32, 32))
    assert shift[0].tolist() == pytest.approx([1.0] * 4, abs=1e-5)


def test_a_twin_has_no_hooks_and_the_pace_that_was_found_and_the_model_stays_as_it_is(
    model, pixels
):
    logits, pace = model.logits(pixels), model.pace("exact")
    hook = model.network.fc.register_forward_hook(lambda *_: 1 / 0)
    model.train()
    twin = model.twin()
    assert model.training
    assert list(model.network.fc._forward_hooks) == [hook.id]
    assert not twin.training
    assert torch.equal(twin.logits(pixels), logits)
    assert twin.pace("exact") is pace
    assert model.twin(paced=False)._paces == {}


def test_a_twin_is_made_when_nobody_else_has_the_model(model):
    twins = []
    asker = threading.Thread(target=lambda: twins.append(model.twin()))
    with borrowed(model), torch.no_grad():
        model.network.fc.bias += 1
        asker.start()
        asker.join(0.2)
        assert not twins
        model.network.fc.bias -= 1
    asker.join(20)
    assert twins[0].fingerprint == model.fingerprint


def test_the_twin_in_bfloat16_is_no_part_of_the_model(model, pixels):
    count, state, size = len(list(model.parameters())), set(model.state_dict()), model.held_bytes
    model.network.fc.register_forward_hook(lambda *_: 1 / 0)  # in use while the twin is made
    fast = model.runner("fast")
    model.network.fc._forward_hooks.clear()
    logits = fast(pixels)
    assert logits.dtype == torch.bfloat16
    assert torch.allclose(logits.float(), model.logits(pixels), atol=0.1)
    assert len(list(model.parameters())) == count
    assert set(model.state_dict()) == state
    assert len(list(model.modules())) == len(list(tiny.cnn().modules()))
    assert next(model.parameters()).dtype == torch.float32
    assert model.held_bytes == size * 1.5
    assert model._fast is model._fast


class Cramped(tiny.Cnn):
    """Has memory for a few images only."""

    room = 2

    def forward(self, images):
        sizes.append(len(images))
        if len(images) > self.room:
            raise torch.OutOfMemoryError("out of memory")
        return super().forward(images)


sizes: list[int] = []


def test_a_batch_that_does_not_fit_is_halved(pixels):
    model = tiny.classifier(tiny.random_weights(Cramped()))
    model._paces["exact"] = Pace(8, channels_last=False, use="exact", seconds=0.0)
    sizes.clear()
    assert torch.allclose(model.logits(pixels), tiny.cnn().logits(pixels), atol=1e-5)
    assert sizes == [5, 2, 2, 1]


def test_a_model_for_which_one_image_is_too_much_says_so(pixels, monkeypatch):
    model = tiny.classifier(tiny.random_weights(Cramped()), name="Cramped")
    model._paces["exact"] = Pace(4, channels_last=False, use="exact", seconds=0.0)
    monkeypatch.setattr(Cramped, "room", 0)
    with pytest.raises(BlindspotError, match="Cramped does not fit into this device's memory"):
        model.logits(pixels)


def test_labels_must_be_as_many_as_classes_and_the_end_must_be_linear_for_a_head():
    with pytest.raises(BadModel, match="A has 4 classes but 2 labels were given"):
        Classifier(tiny.Cnn(), "a", "A", 32, labels=("x", "y"), device=tiny.CPU)
    assert tiny.cnn().labels == ("class 0", "class 1", "class 2", "class 3")
    with pytest.raises(BadModel, match="does not end in a linear layer"):
        tiny.linear_case().model.head  # noqa: B018 - asked for its error


def test_many_threads_may_make_what_is_made_once():
    model, result = tiny.cnn(), []

    def look():
        result.append((id(model.layers[0].name), model.pace("fast"), id(model._fast)))
        result.append(model.logits(torch.zeros(1, 3, 32, 32)).shape)

    tiny.at_once(*[look] * 6)
    assert len(result) == 12
    assert len({outcome[1] for outcome in result if len(outcome) == 3}) == 1


def test_a_small_timm_network_works_with_its_own_head():
    network = timm.create_model("resnet10t", pretrained=False, num_classes=7)
    model = tiny.classifier(network, side=64)
    assert model.head.out_features == 7
    assert model.last_map.name.startswith("layer4")
    assert model.layers[-1].shape == (512, 2, 2)


@pytest.mark.parametrize(
    ("shape", "last", "cells"),
    [
        ((8, 4, 4), False, (4, 4)),
        ((4, 4, 8), True, (4, 4)),
        ((8, 4, 5), False, (4, 5)),
        ((4, 4, 4), False, (4, 4)),
        ((8, 1, 1), False, (1, 1)),
        ((10,), False, (0, 0)),
        ((17, 32), False, (0, 0)),
    ],
)
def test_channels_stand_last_where_two_equal_sides_come_first(shape, last, cells):
    layer = Layer("", shape)
    assert (layer.channels_last, layer.cells) == (last, cells)
    assert layer.is_map == (min(cells) > 1)


@pytest.mark.parametrize(
    ("shape", "tokens"), [((17, 1), True), ((1, 17), False), ((17,), False), ((2, 2, 2), False)]
)
def test_a_row_of_more_than_one_place_is_of_tokens(shape, tokens):
    assert Layer("", shape).is_tokens == tokens


def test_tokens_with_a_grid_are_a_map():
    layer = Layer("", (17, 32), (4, 4))
    assert (layer.cells, layer.is_map) == ((4, 4), True)
    output = torch.rand(2, 8, 3)  # two tokens before six patches
    expected = torch.stack([output[:, 2:5], output[:, 5:]], 1).permute(0, 3, 1, 2)
    assert torch.equal(Layer("", (8, 3), (2, 3)).as_maps(output), expected)
    last, first = torch.rand(2, 4, 4, 3), torch.rand(2, 3, 4, 4)
    assert torch.equal(Layer("", (4, 4, 3)).as_maps(last), last.permute(0, 3, 1, 2))
    assert Layer("", (3, 4, 4)).as_maps(first) is first
