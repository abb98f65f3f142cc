"""Other labels: coarse ones go by what classes share, random ones by the seed, images stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.data import load
from engine.data.relabel import COARSE, ORIGINAL, RANDOM, RELABELINGS, Relabeled, relabeled
from engine.errors import BadData, BadSetting


def test_coarse_labels_are_the_shape_that_classes_share():
    data = load("textured:count=120")
    coarse = relabeled(data, COARSE)
    assert coarse.classes == ("disc", "square", "triangle")
    assert (np.array(coarse.classes)[coarse.labels] == data.truth["shape"]).all()
    assert (coarse.truth["class_before"] == np.array(data.classes)[data.labels]).all()
    assert load(coarse.name).fingerprint == coarse.fingerprint


def test_the_next_attribute_counts_where_images_of_a_class_differ_in_the_first():
    data = load("textured:count=120")
    mixed = data.truth["shape"].copy()
    mixed[0] = "square"
    assert relabeled(replace(data, truth={**data.truth, "shape": mixed}), COARSE).classes == (
        "blue",
        "red",
    )


def test_without_an_attribute_two_neighbors_share_a_coarse_label():
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


def test_too_few_or_unknown_classes_are_refused_in_a_sentence():
    with pytest.raises(BadData, match="has 2 classes: at least 3 are needed"):
        relabeled(load("digits+classes:count=2"), COARSE)
    with pytest.raises(BadData, match="has unknown classes"):
        Relabeled()(load("digits+open-set:held=2"))
    with pytest.raises(BadSetting, match="Labels cannot be"):
        relabeled(load("digits"), "fine")
