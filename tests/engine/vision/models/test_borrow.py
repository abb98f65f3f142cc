"""Whatever a method did to a borrowed model is undone, however it ended."""

import threading
from functools import partial

import pytest
import torch
from torch import nn

from engine.core.borrow import borrowed, borrowing, holding, hook_tables, hookless_copy
from engine.core.errors import Cancelled
from tests import tiny
from tests.test_contract import assert_unchanged, state

SOON = 20


def do_everything(model):
    """All that a method may do and must not leave."""
    net = model.network
    net.train()
    net.fc.weight.requires_grad_(requires_grad=True)
    net.fc.weight.grad = torch.ones_like(net.fc.weight)
    net.conv1.register_forward_hook(lambda *_: None)
    net.conv1.register_forward_pre_hook(lambda *_: None, with_kwargs=True)
    net.conv2.register_full_backward_hook(lambda *_: None)
    net.fc.weight.register_hook(lambda grad: grad * 2)
    net.act1 = nn.Tanh()
    net.conv2.stride = (7, 7)
    net.scratch = [1, 2, 3]
    net.extra = nn.Linear(1, 1)
    del net.pool
    net.fc.weight = nn.Parameter(torch.zeros(4, 16))
    net.fc.register_buffer("spare", torch.zeros(1))
    net.forward = lambda images: images


@pytest.fixture
def model():
    model = tiny.cnn()
    model.network.conv1.register_forward_hook(lambda *_: None)  # somebody's, and it stays
    model.network.train()
    model.network.fc.bias.requires_grad_(requires_grad=True)
    model.network.fc.bias.grad = torch.full((4,), 3.0)
    return model


@pytest.mark.parametrize(
    "end", [None, RuntimeError("oh"), Cancelled("enough"), KeyboardInterrupt()]
)
def test_mode_flags_gradients_hooks_attributes_and_parts_are_put_back(model, end):
    before, pixels = state(model), torch.rand(2, 3, 32, 32)
    logits, weight = model(pixels), model.network.fc.weight
    forward_hooks = dict(model.network.conv1._forward_hooks)

    def use():
        with borrowed(model) as net:
            assert not any(module.training for module in net.modules())
            do_everything(net)
            if end is not None:
                raise end

    if end is None:
        use()
    else:
        with pytest.raises(type(end)):
            use()
    assert_unchanged(before, model)
    assert model.network.fc.weight is weight
    assert not weight._backward_hooks
    assert model.network.conv1._forward_hooks == forward_hooks
    assert model.network.conv2.stride == (1, 1)
    assert not hasattr(model.network, "scratch")
    assert torch.equal(model(pixels), logits)
    assert not borrowing()


def test_a_hook_that_was_taken_off_is_there_again_and_a_model_may_be_borrowed_again_inside(model):
    with borrowed(model):
        model.network.conv1._forward_hooks.clear()
    assert len(model.network.conv1._forward_hooks) == 1
    with borrowed(model):
        with borrowed(model):
            assert borrowing()
        assert borrowing()
    assert not borrowing()


class Watched(dict):
    def clear(self):
        raise AssertionError("another thread that reads now finds nothing")


def test_what_stands_in_the_model_stays_there_while_it_is_given_back(model):
    model._modules = Watched(model._modules)
    children = [name for name, _ in model.network.named_children()]
    with borrowed(model):
        del model.network.pool
    assert [name for name, _ in model.network.named_children()] == children


def test_what_was_made_once_while_it_was_borrowed_stays():
    model = tiny.cnn()
    with borrowed(model):
        layers, twin = model.layers, model._fast
    assert model.layers is layers
    assert model._fast is twin


def test_borrowing_is_known_to_the_thread_that_does_it():
    model, states = tiny.cnn(), []
    with borrowed(model):
        other = threading.Thread(target=lambda: states.append(borrowing()))
        other.start()
        other.join(SOON)
    assert states == [False]


def test_others_wait_with_their_forward_passes_until_it_is_given_back():
    model, pixels = tiny.cnn(), torch.rand(1, 3, 32, 32)
    expected, outputs = model.logits(pixels), []
    other = threading.Thread(target=lambda: outputs.append(model.logits(pixels)))
    with borrowed(model):
        model.network.act1 = nn.Tanh()
        other.start()
        other.join(0.1)
        assert outputs == []
    other.join(SOON)
    assert torch.equal(outputs[0], expected)


def test_two_threads_do_not_leave_each_others_hooks():
    model, wrong = tiny.cnn(), []

    def look(seed):
        image = tiny.image(seed=seed)[None]
        for _ in range(25):
            maps = model.maps(image, "conv2")
            if maps.shape[0] != 1 or model.features(image).shape != (1, 16):
                wrong.append(seed)

    tiny.at_once(*(partial(look, seed) for seed in range(4)))
    assert wrong == []
    assert state(model)["hooks"] == 0


def test_a_classifier_and_its_network_share_one_lock():
    model = tiny.cnn()
    assert holding(model) is holding(model.network)
    assert holding(model) is not holding(tiny.cnn())


def test_a_copy_has_no_hooks_and_shares_nothing_with_its_model(model):
    pixels = torch.rand(2, 3, 32, 32)
    logits, twin = model(pixels), hookless_copy(model)
    assert state(twin)["hooks"] == 0
    assert state(model)["hooks"] > 0
    assert torch.equal(twin(pixels), logits)
    twin.network.conv1.register_forward_hook(lambda *_: 0)
    twin.network.conv2.register_forward_pre_hook(lambda *_: 0)
    twin.network.fc.weight.data.zero_()
    assert torch.equal(model(pixels), logits)
    tables = [id(table) for net in (model, twin) for m in net.modules() for table in hook_tables(m)]
    assert len(set(tables)) == len(tables)
