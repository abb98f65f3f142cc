"""Files of networks that timm does not have open by name, or by what they hold."""

import pytest
import torch

from engine.core.errors import BadModel
from engine.vision.models.input_format import IMAGENET, InputFormat, format_of, with_format
from engine.vision.models.onnx_file import onnx_bytes
from engine.vision.models.own_file import open_alike, open_model
from engine.vision.models.small import NetworkShape, build
from engine.vision.training import Recipe, fresh
from tests import tiny
from tests.engine.vision.training.test_loop import striped
from tests.in_memory import torch_file as saved


@pytest.fixture(scope="module")
def weights():
    return build("cifar_resnet20", NetworkShape(3, 32, 5), seed=1).state_dict()


def other_spelling(state):
    names = [name for name in state if "num_batches" not in name]
    return {f"module.{name}".replace("fc.", "linear."): state[name] for name in names}


@pytest.mark.parametrize("architecture", ["", "cifar_resnet20"])
@pytest.mark.parametrize("inside", [False, True])
def test_weights_open_by_name_or_without_and_bring_their_normalization(
    weights, architecture, inside
):
    state = other_spelling(weights)
    if inside:
        state |= {"normalize.mean": torch.full((3,), 0.5), "normalize.std": torch.full((3,), 0.25)}
    model = open_model(saved(state), "r.pt", architecture)
    expected = build("cifar_resnet20", NetworkShape(3, 32, 5)).eval()
    expected.load_state_dict(weights)
    input_format = format_of(model)
    assert input_format.normalization == ("mean 0.5, spread 0.25" if inside else "CIFAR-10")
    pixels = torch.rand(2, 3, 32, 32, generator=tiny.seeded(1))
    spread = torch.tensor(input_format.std).view(1, 3, 1, 1)
    normalized = (pixels - torch.tensor(input_format.mean).view(1, 3, 1, 1)) / spread
    torch.testing.assert_close(model.logits(pixels), expected(normalized), rtol=1e-4, atol=1e-4)


def test_another_model_alike_is_read_in_the_same_spelling(weights):
    first = open_model(saved(weights), "a.pt", "cifar_resnet20")
    other = {name: tensor * 1 for name, tensor in other_spelling(weights).items()}
    other["module.linear.bias"] = other["module.linear.bias"] + 1
    second = open_alike(saved(other), "b.pt", first)
    pixels = torch.rand(1, 3, 32, 32, generator=tiny.seeded(1))
    torch.testing.assert_close(second.logits(pixels), first.logits(pixels) + 1)


def test_a_wrong_name_is_told_which_network_fits_and_two_that_fit_are_both_named(weights):
    with pytest.raises(BadModel, match=r"does not fit resnet18.*fit cifar_resnet20\."):
        open_model(saved(weights), "a.pt", "resnet18")
    with pytest.raises(BadModel, match=r"does not fit cifar_resnet18\. Its weights fit cifar_res"):
        open_model(saved(weights), "a.pt", "cifar_resnet18")
    state = build("cifar_vgg11_bn", NetworkShape(3, 32, 4), seed=1).state_dict()
    with pytest.raises(BadModel, match="cifar_vgg11_bn or cifar_vgg11_bn_lth, which differ in"):
        open_model(saved(state), "a.pt")
    assert open_model(saved(state), "a.pt", "cifar_vgg11_bn_lth").side == 32


@pytest.mark.parametrize("name", ["net.pt2", "NET.PT2"])
def test_programs_of_torch_export_are_refused_with_the_reason(name):
    with pytest.raises(BadModel, match="cannot be read without running code"):
        open_model(b"PK", name, "resnet18")


def test_an_onnx_file_opens_by_its_name_and_in_another_format():
    model = fresh(striped(), Recipe("mlp"), 3)
    opened = open_model(onnx_bytes(model), "m.onnx")
    pixels = torch.rand(3, 3, model.side, model.side, generator=tiny.seeded(1))
    torch.testing.assert_close(opened.logits(pixels), model.logits(pixels), rtol=1e-4, atol=1e-5)
    assert opened.labels == model.labels
    assert opened.side == model.side
    other = with_format(opened, InputFormat(model.side, *IMAGENET))
    assert not torch.allclose(other.logits(pixels), opened.logits(pixels))
