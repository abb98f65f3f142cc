"""Where images come from, by name, and their features: those of the head, once for each model."""

from copy import deepcopy
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from PIL import Image

from engine.anomaly import KNN, DataCase, Extract, FamiliarCase
from engine.core.errors import BadData, BadModel
from engine.core.run import answer
from engine.evaluation.corruptions import corrupted
from engine.evaluation.detection import sources
from engine.evaluation.detection.extract import extracted, key_of
from engine.evaluation.detection.healthy import TEXTURES, TWINS, texture
from engine.evaluation.detection.photographs import photographs
from engine.evaluation.detection.rows import as_seen, evenly, split
from engine.vision import data
from engine.vision.data import load
from engine.vision.data.example import Example
from engine.vision.images import Crop, square
from engine.vision.images.samples import Sample, sample
from engine.vision.models import catalog, checkpoints, embedded
from engine.vision.models.card import card_of
from engine.vision.models.pace import Pace
from tests import tiny


def test_a_model_s_first_normal_images_are_those_it_learnt_from():
    for name, expected in (("digits-mlp", "digits"), ("phantom-cnn", "phantoms")):
        model = catalog.load(name)
        assert sources.training_data_name(model) == expected
        assert sources.normal_sources(model)[0].name == expected
    assert sources.normal_sources(catalog.load("lite0"))[0].name == sources.PHOTOGRAPHS


def test_nine_photographs_are_nine_squares_from_edge_to_edge_and_every_other_one_is_held_out():
    result = photographs()
    groups = result.truth["group"]
    assert len(np.unique(groups)) == 9
    assert len(result) == 90
    fit, held_out = split(result)
    assert set(groups[fit]).isdisjoint(groups[held_out])
    cat = result.pixels(np.array([0]))[0].numpy()
    assert np.array_equal(cat, square(sample("chelsea"), Crop(), 224))
    whole = Image.fromarray(sample("chelsea").pixels)
    side = 0.6 * min(whole.size)
    across, down = ([(length - side) * at / 2 for at in range(3)] for length in whole.size)
    for place, (top, left) in enumerate(product(down, across), 1):
        box = (left, top, left + side, top + side)
        small = whole.resize((224, 224), Image.Resampling.BICUBIC, box=box)
        assert np.array_equal(result.images[place].transpose(1, 2, 0), np.asarray(small))
    groups, held_out = result.truth["group"], result.split == 1
    first = [bool(held_out[groups == group].all()) for group in np.unique(groups)]
    assert first == [False, True] * 4 + [False]
    assert not held_out[~np.isin(groups, np.unique(groups)[1::2])].any()


def test_every_source_of_unknown_images_gives_some_that_are_not_normal():
    digits, model = load("digits"), catalog.load("digits-mlp")
    offered = [source for source in sources.unknown_sources(digits) if source.name != "phantoms"]
    names = {source.name for source in offered}
    assert names >= {"mnist-5k", "scenes", sources.PHOTOGRAPHS, "noise", "blur"}
    assert "digits" not in names
    for offer in offered:
        if offer.reason:
            with pytest.raises(BadData):
                sources.unknown(offer.name, digits, model)
            continue
        assert 0 < len(sources.unknown(offer.name, digits, model)) <= 200


def test_images_made_worse_are_held_out_ones_in_8_bits_with_what_is_known_of_them():
    digits, model = load("digits"), tiny.cnn()  # 32 px, the digits have 8
    result = sources.unknown("noise", digits, model, seed=3)
    rows = evenly(split(digits)[1], 200)
    for name in ("ids", "labels", "split"):
        assert np.array_equal(getattr(result, name), getattr(digits, name)[rows])
    noisy = corrupted(as_seen(digits, rows, 32), "noise", 0.5, 3).numpy()
    assert np.array_equal(result.images, np.rint(255 * noisy))
    assert (result.name, result.classes) == ("digits/noise", digits.classes)
    assert result.card.title == f"{digits.card.title} with noise"


def test_held_out_classes_are_offered_where_there_are_some():
    plain, opened = load("digits"), load("digits+open-set:held=4")
    reasons = {source.name: source.reason for source in sources.unknown_sources(plain)}
    assert "holds no class out" in reasons[sources.HELD_OUT]
    assert not {source.name: source.reason for source in sources.unknown_sources(opened)}[
        sources.HELD_OUT
    ]
    result = sources.unknown(sources.HELD_OUT, opened, catalog.load("digits-mlp"))
    assert result.truth["unknown"].all()
    assert set(np.unique(result.truth["original_label"])) == {6, 7, 8, 9}


def test_a_name_that_nobody_knows_and_no_images_are_sentences():
    with pytest.raises(BadData, match="no data set called"):
        sources.normal("no-such-set")
    nothing = tiny.data_set(("a", "b"), 32, 4).take(np.arange(0))
    with pytest.raises(BadData, match="no images"):
        DataCase(tiny.cnn(), nothing)


def test_noisy_and_foreign_digits_are_told_from_those_that_were_learnt():
    model, digits = catalog.load("digits-cnn"), load("digits")
    image = digits.pixels(digits.rows("test")[:1])[0].contiguous()
    for name, area in (("noise", 0.7), ("mnist-5k", 0.85)):
        result = KNN()(FamiliarCase(model, image, digits, sources.unknown(name, digits, model)))
        assert result["measures"].values[0, 0] > area


def test_a_model_made_from_another_is_told_from_one_that_was_not(empty_home):
    parent = catalog.load("digits-mlp")
    assert sources.parent_of(parent) is None
    child = deepcopy(parent)
    with torch.no_grad():
        next(child.parameters()).mul_(0.9)
    child.__dict__.pop("fingerprint", None)
    card = card_of(child, title="x", parent=parent, made_by="test", data="digits")
    result = sources.parent_of(catalog.load(checkpoints.put(card, child).name))
    assert result is not None
    assert result.fingerprint == parent.fingerprint


def test_squares_of_a_texture_lie_side_by_side_and_the_right_half_is_held_out():
    for name in TEXTURES:
        result = sources.normal(name)
        assert result is texture(name)
        path = Sample(name, "", "", "skimage", f"data/{name}.png").path()
        whole = np.asarray(Image.open(path).convert("L"))
        assert np.array_equal(result.images[9, 0], whole[64:128, 64:128])  # eight in a row
        fit, held_out = split(result)
        assert set(fit % 8) == {0, 1, 2, 3}
        assert set(held_out % 8) == {4, 5, 6, 7}


def test_textures_and_twins_are_offered_for_every_model_after_what_it_learned_from():
    for model in ("lite0", "phantom-cnn"):
        names = [source.name for source in sources.normal_sources(catalog.load(model))]
        assert names[-4:] == [TWINS, *TEXTURES]


def test_a_phantom_s_own_patient_is_left_out_of_its_healthy_twins():
    some, phantoms = sources.normal("phantoms:count=200+healthy"), load("phantoms:count=200")
    assert some.name == "phantoms:count=200+healthy"
    twins = replace(some, name=TWINS)
    group = sources.group_of("example:phantoms:count=200/57", twins)
    assert group == phantoms.truth["group"][57] == 5
    assert sources.group_of("example:digits/57", twins) is None
    assert sources.group_of("sample:chelsea", twins) is None
    lesions = phantoms.truth["mask"].any((1, 2))
    assert np.array_equal(twins.images[~lesions], phantoms.images[~lesions])
    assert (twins.images[lesions] != phantoms.images[lesions]).any((1, 2, 3)).all()


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
    expected = model.logits(as_seen(images, slice(None), model.side)).numpy()
    assert result.logits == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_a_data_set_is_looked_at_once(monkeypatch):
    model = tiny.cnn(seed=31)
    first = answer(Extract(), DataCase(model, tiny.data_set(("a", "b"), model.side)))["features"]

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


def test_images_of_another_size_are_seen_as_the_sidebar_would_show_them_and_known_again():
    result = some("mnist-5k", 3)
    resized = as_seen(result, slice(None), 8)
    for row in range(3):
        picture = Example(result, row).picture()
        assert np.array_equal(resized[row].numpy(), square(picture, Crop(), 8))
    result = some("digits", 5)
    keys = [key_of(pixels) for pixels in as_seen(result, slice(None), 8)]
    assert len(set(keys)) == 5
    assert key_of(torch.from_numpy(square(Example(result, 2).picture(), Crop(), 8))) == keys[2]


@pytest.mark.parametrize("channel", range(3))
def test_every_channel_of_a_colored_image_counts(channel):
    image = torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(0))
    other = image.clone()
    other[channel] = 1 - other[channel]
    assert key_of(other) != key_of(image)
    bar = torch.rand(3, 1, 4, generator=torch.Generator().manual_seed(1))
    other = bar.clone()
    other[channel] = 1 - other[channel]
    assert key_of(other.expand(3, 4, 4)) != key_of(bar.expand(3, 4, 4))
    gray = image[:1].expand(3, -1, -1)
    assert key_of(gray) == key_of(gray.clone())


def test_each_image_goes_through_the_model_once():
    model, sizes = tiny.cnn().twin(), []
    model._paces["exact"] = Pace(4, False, "exact", 0.0)
    model.network.register_forward_hook(lambda _net, inputs, _out: sizes.append(len(inputs[0])))
    extracted(DataCase(model, tiny.data_set(("a", "b"), model.side, 10)))
    assert sizes == [4, 4, 2]


def test_a_model_without_a_linear_head_gives_logits_alone():
    result = extracted(DataCase(tiny.linear_case().model, tiny.data_set(("a", "b"), 16, 4)))
    assert result.values.shape == (4, 0)
    assert result.logits.shape == (4, 2)
