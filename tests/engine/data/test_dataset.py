"""A data set keeps everything in one order of rows, and says what does not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine import data as data_sets
from engine.data.dataset import DataCard, DataSet, split_rows
from engine.errors import BadData

CARD = DataCard("Toy", about="squares", made="here", license="none needed")


def toy(count: int = 10, channels: int = 1) -> DataSet:
    rng = np.random.default_rng(0)
    return DataSet(
        name="toy",
        card=CARD,
        classes=("dark", "light"),
        images=rng.integers(0, 256, (count, channels, 4, 5), np.uint8),
        labels=rng.integers(0, 2, count),
        ids=np.arange(count) * 3 + 1,
        split=split_rows(count, (6, 2, 2), seed=0),
        truth={"mask": rng.random((count, 4, 5)) > 0.5},
    )


def test_splits_have_their_exact_shares_and_cover_everything_once():
    data = toy()
    rows = [data.rows(split) for split in ("train", "validation", "test")]
    assert [len(part_rows) for part_rows in rows] == [6, 2, 2]
    assert sorted(np.concatenate(rows)) == list(range(10))
    assert (split_rows(10, (6, 2, 2), seed=0) != split_rows(10, (6, 2, 2), seed=1)).any()


def test_targets_are_the_labels_of_the_rows_asked_for():
    data = toy()
    assert data.targets().tolist() == data.labels.tolist()
    assert data.targets(np.array([7, 0])).tolist() == data.labels[[7, 0]].tolist()
    assert data.targets(slice(2, 4)).tolist() == data.labels[2:4].tolist()


def test_taken_rows_keep_ids_labels_and_truth_together():
    data = toy()
    part = data.take(np.array([7, 2]))
    assert part.ids.tolist() == [22, 7]
    assert (part.truth["mask"] == data.truth["mask"][[7, 2]]).all()
    assert (data.places(part.ids) == [7, 2]).all()
    assert part.fingerprint != data.fingerprint


def test_an_id_that_is_not_there_is_named():
    with pytest.raises(BadData, match="no image with id 5"):
        toy().places(np.array([4, 5]))


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_three_channels_between_zero_and_one(channels):
    data = toy(channels=channels)
    pixels = data.pixels(data.rows("test"))
    assert pixels.shape == (2, 3, 4, 5)
    assert 0 <= pixels.min() < pixels.max() <= 1
    assert np.allclose(pixels[0, -1] * 255, data.images[data.rows("test")[0], -1])


def test_every_part_counts_in_the_fingerprint():
    data = toy()
    mask = data.truth["mask"].copy()
    mask[0, 0, 0] ^= True
    others = [
        replace(data, truth={"mask": mask}),
        replace(data, ids=data.ids + 1),
        replace(data, split=split_rows(10, (6, 2, 2), seed=1)),
        replace(data, labels=1 - data.labels),
        replace(data, classes=("a", "b")),
    ]
    assert len({data.fingerprint, *(other.fingerprint for other in others)}) == 6
    assert toy().fingerprint == data.fingerprint


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"images": np.zeros((10, 2, 4, 4), np.uint8)}, r"must be \(N, 1 or 3, H, W\)"),
        ({"labels": np.zeros(9, np.int64)}, "10 images but 9 labels"),
        ({"labels": np.full(10, 2)}, "between 0 and 1"),
        ({"ids": np.zeros(10, np.int64)}, "one id"),
        ({"truth": {"mask": np.zeros((3, 4, 5))}}, "10 images but 3 mask"),
    ],
)
def test_what_does_not_belong_together_is_refused(change, said):
    with pytest.raises(BadData, match=said):
        replace(toy(), **change)


def test_nobody_writes_into_a_shared_data_set():
    with pytest.raises(ValueError, match="read-only"):
        toy().images[0] = 0


def test_some_rows_of_a_split_in_the_order_of_its_classes_are_of_every_class():
    data = data_sets.load("mnist-5k")
    test = data.rows("test")
    assert (np.diff(data.labels[test]) >= 0).all()  # in the order of the classes
    rows = data.some("test", 95)
    assert np.isin(rows, test).all()
    assert len(np.unique(rows)) == 95
    counts = np.bincount(data.labels[rows])
    assert counts.min() >= counts.max() - 1
    assert len(counts) == 10
    assert not np.array_equal(rows, data.some("test", 95, seed=1))
    assert np.array_equal(data.some("test", 10**6), test)
