"""Where images come from: by name, with the reason where they cannot be had."""

from copy import deepcopy
from itertools import product

import numpy as np
import pytest
import torch
from PIL import Image

from engine.anomaly import KNN, FamiliarCase
from engine.anomaly.case import split
from engine.anomaly.healthy import TEXTURES, TWINS, texture
from engine.anomaly.photographs import photographs
from engine.anomaly.sources import (
    HELD_OUT,
    PHOTOGRAPHS,
    normal,
    normal_sources,
    parent_of,
    training_data_name,
    unknown,
    unknown_sources,
)
from engine.arguments.normal import group_of
from engine.data import load
from engine.errors import BadData
from engine.images import Crop, square
from engine.images.samples import Sample, sample
from engine.models import catalog, checkpoints
from engine.models.card import card_of


def test_a_model_s_first_normal_images_are_those_it_learnt_from():
    for name, expected in (("digits-mlp", "digits"), ("phantom-cnn", "phantoms")):
        model = catalog.load(name)
        assert training_data_name(model) == expected
        assert normal_sources(model)[0].name == expected
    assert normal_sources(catalog.load("lite0"))[0].name == PHOTOGRAPHS


def test_the_shipped_photographs_are_squares_of_nine_and_keep_together():
    result = photographs()
    groups = result.truth["group"]
    assert len(np.unique(groups)) == 9
    assert len(result) == 90
    fit, held_out = split(result)
    assert set(groups[fit]).isdisjoint(groups[held_out])
    cat = result.pixels(np.array([0]))[0].numpy()
    assert np.array_equal(cat, square(sample("chelsea"), Crop(), 224))


def test_every_source_of_unknown_images_gives_some_that_are_not_normal():
    digits, model = load("digits"), catalog.load("digits-mlp")
    offered = [source for source in unknown_sources(digits) if source.name != "phantoms"]
    assert {source.name for source in offered} >= {
        "mnist-5k",
        "scenes",
        PHOTOGRAPHS,
        "noise",
        "blur",
    }
    assert "digits" not in {source.name for source in offered}
    for offer in offered:
        if offer.reason:
            with pytest.raises(BadData):
                unknown(offer.name, digits, model)
            continue
        result = unknown(offer.name, digits, model)
        assert 0 < len(result) <= 200


def test_held_out_classes_are_offered_where_there_are_some():
    plain, opened = load("digits"), load("digits+open-set:held=4")
    reasons = {source.name: source.reason for source in unknown_sources(plain)}
    assert "holds no class out" in reasons[HELD_OUT]
    assert not {source.name: source.reason for source in unknown_sources(opened)}[HELD_OUT]
    result = unknown(HELD_OUT, opened, catalog.load("digits-mlp"))
    assert result.truth["unknown"].all()
    assert set(np.unique(result.truth["original_label"])) == {6, 7, 8, 9}


def test_a_name_that_nobody_knows_is_a_sentence():
    with pytest.raises(BadData, match="no data set called"):
        normal("no-such-set")


def test_noisy_and_foreign_digits_are_told_from_those_that_were_learnt():
    model, digits = catalog.load("digits-cnn"), load("digits")
    image = digits.pixels(digits.rows("test")[:1])[0].contiguous()
    for name, area in (("noise", 0.7), ("mnist-5k", 0.85)):
        result = KNN()(FamiliarCase(model, image, digits, unknown(name, digits, model)))
        assert result["measures"].values[0, 0] > area


def test_nine_smaller_squares_reach_from_edge_to_edge_and_every_other_photograph_is_held_out():
    result, whole = photographs(), Image.fromarray(sample("chelsea").pixels)
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


def test_a_model_made_from_another_is_told_from_one_that_was_not(tmp_path, monkeypatch):
    monkeypatch.setenv("BLINDSPOT_HOME", str(tmp_path))
    parent = catalog.load("digits-mlp")
    assert parent_of(parent) is None
    child = deepcopy(parent)
    with torch.no_grad():
        next(child.parameters()).mul_(0.9)
    child.__dict__.pop("fingerprint", None)
    stored = checkpoints.put(
        card_of(child, title="x", parent=parent, made_by="test", data="digits"), child
    )
    result = parent_of(catalog.load(stored.name))
    assert result is not None
    assert result.fingerprint == parent.fingerprint


def test_squares_of_a_texture_lie_side_by_side_and_the_right_half_is_held_out():
    for name in TEXTURES:
        result = normal(name)
        assert result is texture(name)
        path = Sample(name, "", "", "skimage", f"data/{name}.png").path()
        whole = np.asarray(Image.open(path).convert("L"))
        assert np.array_equal(result.images[9, 0], whole[64:128, 64:128])  # eight in a row
        fit, held_out = split(result)
        assert set(fit % 8) == {0, 1, 2, 3}
        assert set(held_out % 8) == {4, 5, 6, 7}


def test_they_are_offered_for_every_model_after_what_it_learned_from():
    for model in ("lite0", "phantom-cnn"):
        names = [source.name for source in normal_sources(catalog.load(model))]
        assert names[-4:] == [TWINS, *TEXTURES]


def test_a_phantom_s_own_patient_is_left_out_of_its_healthy_twins():
    twins, phantoms = normal(TWINS), load("phantoms:count=200")
    assert group_of("example:phantoms:count=200/57", twins) == phantoms.truth["group"][57] == 5
    assert group_of("example:digits/57", twins) is None
    assert group_of("sample:chelsea", twins) is None
    lesions = load("phantoms").truth["mask"].any((1, 2))
    assert np.array_equal(twins.images[~lesions], load("phantoms").images[~lesions])
    assert (twins.images[lesions] != load("phantoms").images[lesions]).any((1, 2, 3)).all()
