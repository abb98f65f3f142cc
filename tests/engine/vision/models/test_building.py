"""What a network will become is known before it takes memory, whatever asks for it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save
from torch import nn

from engine.core.errors import BadModel
from engine.vision.models import building, hub
from engine.vision.models.architectures import image_side
from engine.vision.models.building import all_in_file, check_pass, on_meta, with_memory
from engine.vision.models.own_file import load_weights

ROOT = Path(__file__).resolve().parents[4]
MOST_MB = 500
PLAIN = ("resnet10t", "test_vit", "test_convnext", "test_efficientnet")


def test_small_files_that_ask_for_large_networks_take_no_memory():
    program = [sys.executable, "-m", "tests.foreign_models"]
    output = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    cases = [json.loads(line) for line in output.splitlines()]
    giants = [came for name, came, _ in cases if "giant" in name or "7b" in name]
    assert len(giants) == 6
    assert all("GB of memory, and at most 2 GB" in came for came in giants)
    for name, came, megabytes in cases:
        assert came == "read" or came.endswith((".", "?")), name
        assert len(came) < 500, name
        assert megabytes < MOST_MB, name


@pytest.mark.parametrize("name", PLAIN)
def test_a_network_without_memory_becomes_the_one_of_its_weights(name):
    reference = timm.create_model(name, num_classes=3).eval()
    make = lambda: timm.create_model(name, num_classes=3)  # noqa: E731
    network = with_memory(on_meta(make, name), make, name)
    network.load_state_dict(reference.state_dict())
    side = image_side(reference)
    images = torch.rand(2, 3, side, side)
    with torch.no_grad():
        assert torch.equal(network.eval()(images), reference(images))


class Tabled(nn.Linear):
    """A layer with a table that no file has."""

    def __init__(self):
        super().__init__(4, 4)
        self.register_buffer("table", torch.arange(4.0), persistent=False)

    def forward(self, values):
        return super().forward(values) + self.table


class Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
        self.second.weight = self.first.weight


class Loose(nn.Linear):
    """A layer with a tensor that is no buffer."""

    def __init__(self):
        super().__init__(4, 4)
        self.loose = torch.ones(4)


@pytest.mark.parametrize("kind", [Tabled, Tied, Loose])
def test_what_no_file_has_is_computed_again(kind):
    network = on_meta(kind, "it")
    assert not all_in_file(network)
    restored = with_memory(network, kind, "it")
    assert not any(parameter.is_meta for parameter in (*restored.parameters(), *restored.buffers()))
    if kind is Tabled:
        assert torch.equal(restored.table, torch.arange(4.0))


def test_a_network_too_large_or_that_cannot_be_built_is_a_sentence():
    with pytest.raises(BadModel, match=r"It takes 3\.7 GB of memory, and at most 2 GB"):
        on_meta(lambda: nn.Linear(10**5, 10**4), "It")
    for odd in (KeyError("x"), RecursionError(), MemoryError(), ZeroDivisionError("a\nb")):
        with pytest.raises(BadModel, match=r"^It cannot be built: .*\.$") as caught:
            on_meta(lambda odd=odd: raises(odd), "It")
        assert "\n" not in str(caught.value)


def raises(error):
    raise error


def test_a_step_that_would_take_too_much_is_a_sentence():
    network = on_meta(lambda: nn.Sequential(nn.Conv2d(3, 512, 3), nn.ReLU()), "It")
    check_pass(network, 64, "It")
    with pytest.raises(BadModel, match=r"It: one step takes 2\.0 GB for one image"):
        check_pass(network, 1024, "It")
    unfit = on_meta(lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(5, 4, 3)), "It")
    with pytest.raises(BadModel, match="its layers do not fit each other"):
        check_pass(unfit, 64, "It")


def test_a_model_of_the_hub_is_counted_before_it_is_downloaded(monkeypatch):
    real, pretrained_flags = timm.create_model, []
    monkeypatch.setattr(hub, "hub_answers", lambda: True)

    def create(*given, pretrained, **named):
        pretrained_flags.append(pretrained)
        return real(*given, **named)

    monkeypatch.setattr(timm, "create_model", create)
    with pytest.raises(BadModel, match=r"vit_7b_patch16_dinov3 takes 25\.0 GB"):
        hub.load_from_hub("vit_7b_patch16_dinov3")
    assert pretrained_flags == [False]


def test_whatever_a_network_raises_at_its_first_image_is_a_sentence(monkeypatch):
    state = timm.create_model("resnet10t", num_classes=3).state_dict()
    monkeypatch.setattr(building, "check_pass", lambda *_: None)
    for odd in (ZeroDivisionError(), KeyError("x"), OverflowError()):
        monkeypatch.setattr("timm.models.resnet.ResNet.forward", lambda *_, odd=odd: raises(odd))
        with pytest.raises(BadModel, match=r"does not take one color photograph|do not fit"):
            load_weights(save(state), "a.safetensors", "resnet10t")
