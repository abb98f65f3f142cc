"""Features: those of the head, once for each model and data set, the same in any batch."""

import numpy as np
import pytest
import torch

from engine import data
from engine.anomaly import DataCase, Extract
from engine.anomaly.case import evenly
from engine.anomaly.extract import as_seen, extracted, key_of
from engine.data.example import Example
from engine.errors import BadData, BadModel
from engine.images import Crop, square
from engine.models import catalog, embedded
from engine.models.pace import Pace
from engine.run import answer
from tests import tiny


def some(name, count=12):
    result = data.load(name)
    return result.take(evenly(np.arange(len(result)), count))


@pytest.mark.parametrize("name", [*embedded.names(), "lite0"])
def test_features_times_the_head_give_the_logits_for_every_model_that_ships(name):
    model = catalog.load(name)
    images = some("digits", 4)
    result = Extract()(DataCase(model, images))["features"]
    weight = model.head.weight.detach().cpu().numpy()
    logits = result.values @ weight.T + model.head.bias.detach().cpu().numpy()
    assert logits == pytest.approx(result.logits, rel=1e-3, abs=1e-3)
    assert result.logits == pytest.approx(
        model.logits(as_seen(images, slice(None), model.side)).numpy(), rel=1e-4, abs=1e-4
    )


def test_a_data_set_is_looked_at_once(monkeypatch):
    model = tiny.cnn(seed=31)
    case = DataCase(model, tiny.data_set(("a", "b"), model.side))
    first = answer(Extract(), case)["features"]

    def again(*_args):
        raise AssertionError("looked again")

    monkeypatch.setattr(type(model.network), "forward", again)
    stored = answer(Extract(), DataCase(model, tiny.data_set(("a", "b"), model.side)))
    assert stored.kept
    assert np.array_equal(stored["features"].values, first.values)


def test_another_model_or_another_image_is_another_question():
    model = tiny.cnn()
    base = tiny.data_set(("a", "b"), model.side)
    prints = {
        DataCase(model, base).fingerprint,
        DataCase(tiny.cnn(seed=1), base).fingerprint,
        DataCase(model, base.take(np.arange(1, 48))).fingerprint,
        DataCase(model, base, layers=("conv1",)).fingerprint,
    }
    assert len(prints) == 4


def test_maps_of_layers_come_along_when_they_are_asked_for():
    model = tiny.cnn()
    images = tiny.data_set(("a", "b"), model.side, 6)
    result = extracted(DataCase(model, images, layers=("conv1", "conv2")))
    for name, shape in (("conv1", (8, 32, 32)), ("conv2", (16, 16, 16))):
        assert result.maps[name].shape == (6, *shape)
        plain = model.maps(images.pixels(), name).numpy()
        assert result.maps[name] == pytest.approx(plain, abs=1e-5)
    with pytest.raises(BadModel, match="no layer"):
        DataCase(model, images, layers=("conv9",))


def test_images_of_another_size_are_seen_as_the_sidebar_would_show_them():
    result = some("mnist-5k", 3)
    resized = as_seen(result, slice(None), 8)
    for row in range(3):
        picture = Example(result, row).picture()
        assert np.array_equal(resized[row].numpy(), square(picture, Crop(), 8))


def test_an_image_is_known_again_by_its_pixels():
    result = some("digits", 5)
    keys = [key_of(pixels) for pixels in as_seen(result, slice(None), 8)]
    assert len(set(keys)) == 5
    resized = torch.from_numpy(square(Example(result, 2).picture(), Crop(), 8))
    assert key_of(resized) == keys[2]


@pytest.mark.parametrize("channel", range(3))
def test_every_channel_of_a_colored_image_counts(channel):
    image = torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(0))
    other = image.clone()
    other[channel] = 1 - other[channel]
    assert key_of(other) != key_of(image)
    gray = image[:1].expand(3, -1, -1)
    assert key_of(gray) == key_of(gray.clone())


def test_each_image_goes_through_the_model_once(monkeypatch):
    model, sizes = tiny.cnn().twin(), []
    model._paces["exact"] = Pace(4, False, "exact", 0.0)
    model.network.register_forward_hook(lambda _net, inputs, _out: sizes.append(len(inputs[0])))
    extracted(DataCase(model, tiny.data_set(("a", "b"), model.side, 10)))
    assert sizes == [4, 4, 2]


def test_a_model_without_a_linear_head_gives_logits_alone():
    case = tiny.linear_case()
    result = extracted(DataCase(case.model, tiny.data_set(("a", "b"), 16, 4)))
    assert result.values.shape == (4, 0)
    assert result.logits.shape == (4, 2)


def test_no_images_is_a_sentence():
    nothing = tiny.data_set(("a", "b"), 32, 4).take(np.arange(0))
    with pytest.raises(BadData, match="no images"):
        DataCase(tiny.cnn(), nothing)
