"""Other and merged labels, and the modes that set images of one class apart."""

from dataclasses import replace

import numpy as np
import pytest

from engine.core.errors import BadData, BadSetting
from engine.vision.data import load
from engine.vision.data.modes import Merged, modes, modes_of
from engine.vision.data.relabel import COARSE, ORIGINAL, RANDOM, RELABELINGS, Relabeled, relabeled
from engine.vision.data.sprites import CATEGORIES


def test_coarse_labels_are_the_shape_that_classes_share():
    data = load("textured:count=120")
    coarse = relabeled(data, COARSE)
    assert coarse.classes == ("disc", "square", "triangle")
    assert (np.array(coarse.classes)[coarse.labels] == data.truth["shape"]).all()
    assert (coarse.truth["class_before"] == np.array(data.classes)[data.labels]).all()
    assert load(coarse.name).fingerprint == coarse.fingerprint


def test_without_an_attribute_two_neighbors_share_a_coarse_label_and_else_the_first_that_is_pure():
    data = load("textured:count=120")
    mixed = data.truth["shape"].copy()
    mixed[0] = "square"
    impure = replace(data, truth={**data.truth, "shape": mixed})
    assert relabeled(impure, COARSE).classes == ("blue", "red")
    digits, data = load("digits"), relabeled(load("digits"), COARSE)
    assert (data.labels == digits.labels // 2).all()
    assert data.classes == ("0 or 1", "2 or 3", "4 or 5", "6 or 7", "8 or 9")
    scenes = load("scenes:count=20")  # whose truth "color" is of each thing
    assert len(relabeled(scenes, COARSE).classes) == 2


def test_a_random_merge_puts_two_classes_together_and_hangs_on_the_seed():
    digits = load("digits")
    results = [relabeled(digits, RANDOM, seed) for seed in (3, 3, 4)]
    for data in results:
        pairs = {tuple(np.unique(digits.labels[data.labels == index])) for index in range(5)}
        assert sorted(digit for pair in pairs for digit in pair) == list(range(10))
        assert {len(pair) for pair in pairs} == {2}
        assert (data.images == digits.images).all()
    assert (results[0].labels == results[1].labels).all()
    assert (results[0].labels != results[2].labels).any()


@pytest.mark.parametrize("classes", [3, 4])
@pytest.mark.parametrize("attribute", [None, "color"])
def test_a_random_merge_is_never_the_coarse_labeling(classes, attribute):
    data = load(f"digits+classes:count={classes}")
    if attribute:
        colors = np.array(["red", "blue", "red", "blue"])[data.labels]
        data = replace(data, truth={**data.truth, attribute: colors})
    for seed in range(12):
        merges = [relabeled(data, how, seed).labels for how in (COARSE, RANDOM)]
        together = [merge[:, None] == merge for merge in merges]
        assert (together[0] != together[1]).any()


@pytest.mark.parametrize("how", RELABELINGS)
def test_every_labeling_opens_by_its_name(how):
    data = relabeled(load("digits"), how, seed=2)
    assert load(data.name).fingerprint == data.fingerprint
    assert (data is load("digits")) == (how == ORIGINAL)


@pytest.mark.parametrize(
    ("change", "variant", "words"),
    [
        (lambda data: relabeled(data, COARSE), "+classes:count=2", "has 2 classes: at least 3 are"),
        (Relabeled(), "+open-set:held=2", "has unknown classes"),
        (Merged(into=10), "", r"has 10 classes: only more than 10 can be merged into 10\."),
        (Merged(into=3), "+open-set:held=2", "unknown classes.*merge classes first"),
    ],
)
def test_too_few_or_unknown_classes_are_refused_in_a_sentence(change, variant, words):
    data = load(f"digits{variant}")
    with pytest.raises(BadData, match=words):
        change(data)
    with pytest.raises(BadSetting, match="Labels cannot be"):
        relabeled(data, "fine")


def test_classes_are_merged_by_turns_but_never_with_unknown_ones():
    digits, data = load("digits"), load("digits+merged:into=3")
    assert (data.labels == digits.labels % 3).all()
    assert data.classes == ("0 or 3 or 6 or 9", "1 or 4 or 7", "2 or 5 or 8")
    assert (data.truth["class_before"] == digits.labels.astype(str)).all()
    assert (data.images == digits.images).all()
    assert data.card.title == "Digits, 8 × 8 · merged classes"
    assert load("digits+merged").classes == ("0 or 2 or 4 or 6 or 8", "1 or 3 or 5 or 7 or 9")
    data = load("bars+merged")
    assert data.classes[0].endswith("or 5 more")
    assert data.classes[0].count(" or ") == 5
    noisy, data = load("digits+noisy:share=0.3"), load("digits+noisy:share=0.3+merged")
    assert (data.truth["clean_label"] == noisy.truth["clean_label"] % 2).all()
    assert (data.labels == noisy.labels % 2).all()
    data = load("digits+merged:into=5+open-set:held=2")
    assert data.classes == ("0 or 5", "1 or 6", "2 or 7", "unknown")
    assert (data.truth["unknown"] == (data.labels == 3)).all()


def test_modes_part_each_class_and_those_of_scenes_are_the_things_in_some_images():
    data = load("digits+merged")
    assert modes_of(data, 0) == ("0", "2", "4", "6", "8")
    assert np.sum(list(modes(data).values()), 0).tolist() == [1] * len(data)
    scenes = load("scenes:count=200")
    result = modes(scenes)
    assert tuple(result) == CATEGORIES
    assert (result["boat"] == scenes.truth["present"][:, 0]).all()
    assert {"boat", "fish"} <= set(modes_of(scenes, 0))
    assert modes(load("digits")) == {}
    present = scenes.truth["present"]
    train = scenes.rows("train")
    for label in range(len(scenes.classes)):
        class_present = present[train[scenes.labels[train] == label]]
        mixed = class_present.any(0) & ~class_present.all(0)
        assert modes_of(scenes, label) == tuple(np.array(CATEGORIES)[mixed])
