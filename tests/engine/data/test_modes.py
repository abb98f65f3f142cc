"""Merged classes keep what they were, and modes are what sets images of one class apart."""

from __future__ import annotations

import numpy as np
import pytest

from engine.data import load
from engine.data.modes import Merged, modes, modes_of
from engine.data.sprites import CATEGORIES
from engine.errors import BadData


def test_classes_are_merged_by_turns_and_each_image_keeps_the_name_of_its_own():
    digits, data = load("digits"), load("digits+merged:into=3")
    assert (data.labels == digits.labels % 3).all()
    assert data.classes == ("0 or 3 or 6 or 9", "1 or 4 or 7", "2 or 5 or 8")
    assert (data.truth["class_before"] == digits.labels.astype(str)).all()
    assert (data.images == digits.images).all()
    assert data.card.title == "Digits, 8 × 8 · merged classes"
    assert load("digits+merged").classes == ("0 or 2 or 4 or 6 or 8", "1 or 3 or 5 or 7 or 9")


def test_a_class_of_many_names_five_and_their_number():
    data = load("bars+merged")
    assert data.classes[0].endswith("or 5 more")
    assert data.classes[0].count(" or ") == 5


def test_wrong_labels_are_merged_with_the_right_ones_they_should_have_been():
    noisy, data = load("digits+noisy:share=0.3"), load("digits+noisy:share=0.3+merged")
    assert (data.truth["clean_label"] == noisy.truth["clean_label"] % 2).all()
    assert (data.labels == noisy.labels % 2).all()


def test_what_has_no_more_classes_is_not_merged():
    with pytest.raises(BadData, match=r"has 10 classes: only more than 10 can be merged into 10\."):
        Merged(into=10)(load("digits"))


def test_unknown_classes_are_not_merged_with_known_ones():
    with pytest.raises(BadData, match=r"unknown classes.*merge classes first"):
        load("digits+open-set:held=2+merged:into=3")
    data = load("digits+merged:into=5+open-set:held=2")
    assert data.classes == ("0 or 5", "1 or 6", "2 or 7", "unknown")
    assert (data.truth["unknown"] == (data.labels == 3)).all()


def test_modes_of_merged_classes_part_each_class_and_those_of_scenes_are_the_things_in_them():
    data = load("digits+merged")
    assert modes_of(data, 0) == ("0", "2", "4", "6", "8")
    assert np.sum(list(modes(data).values()), 0).tolist() == [1] * len(data)
    scenes = load("scenes:count=200")
    result = modes(scenes)
    assert tuple(result) == CATEGORIES
    assert (result["boat"] == scenes.truth["present"][:, 0]).all()
    assert {"boat", "fish"} <= set(modes_of(scenes, 0))
    assert modes(load("digits")) == {}


def test_what_all_or_no_images_of_a_class_have_is_no_mode_of_it():
    scenes = load("scenes:count=200")
    present = scenes.truth["present"]
    train = scenes.rows("train")
    for label in range(len(scenes.classes)):
        class_present = present[train[scenes.labels[train] == label]]
        mixed = class_present.any(0) & ~class_present.all(0)
        assert modes_of(scenes, label) == tuple(np.array(CATEGORIES)[mixed])
