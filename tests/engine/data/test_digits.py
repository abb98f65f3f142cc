"""Both sets of digits come with the package and are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from engine.data import load


@pytest.mark.parametrize(
    ("name", "count", "side", "parts"),
    [("digits", 1797, 8, (899, 180, 718)), ("mnist-5k", 5000, 28, (3500, 500, 1000))],
)
def test_digits_have_their_known_number_size_and_splits(name, count, side, parts):
    data = load(name)
    assert data.images.shape == (count, 1, side, side)
    sizes = [len(data.rows(split)) for split in ("train", "validation", "test")]
    assert sizes == pytest.approx(parts, abs=3)
    assert data.images.max() == 255
    assert load(name) is data


@pytest.mark.parametrize("name", ["digits", "mnist-5k"])
def test_every_split_holds_every_digit_in_the_same_share(name):
    data = load(name)
    whole = np.bincount(data.labels) / len(data)
    for split in ("train", "validation", "test"):
        rows = data.rows(split)
        share = np.bincount(data.labels[rows], minlength=10) / len(rows)
        assert share == pytest.approx(whole, abs=0.006)


@pytest.mark.parametrize("name", ["digits", "mnist-5k"])
def test_the_nearest_training_image_names_most_test_digits(name):
    data = load(name)
    train, test = data.rows("train"), data.rows("test")[::7]
    flat = data.images.reshape(len(data), -1).astype(np.float32)
    far = (flat[train] ** 2).sum(1) - 2 * flat[test] @ flat[train].T
    assert (data.labels[train][far.argmin(1)] == data.labels[test]).mean() > 0.9
