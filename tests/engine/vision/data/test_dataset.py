"""A data set keeps everything in one order of rows; an image of it is found again by its name."""

from dataclasses import replace

import numpy as np
import pytest

from engine.core.errors import BadData
from engine.vision import data as data_sets
from engine.vision.data.dataset import DataCard, DataSet, split_rows
from engine.vision.data.example import Example, example, known_in, mask_in_square
from engine.vision.data.registry import add
from engine.vision.images import Crop

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


def test_splits_targets_and_taken_rows_keep_one_order():
    data = toy()
    rows = [data.rows(split) for split in ("train", "validation", "test")]
    assert [len(part_rows) for part_rows in rows] == [6, 2, 2]
    assert sorted(np.concatenate(rows)) == list(range(10))
    assert (split_rows(10, (6, 2, 2), seed=0) != split_rows(10, (6, 2, 2), seed=1)).any()
    assert data.targets().tolist() == data.labels.tolist()
    assert data.targets(np.array([7, 0])).tolist() == data.labels[[7, 0]].tolist()
    assert data.targets(slice(2, 4)).tolist() == data.labels[2:4].tolist()
    part = data.take(np.array([7, 2]))
    assert part.ids.tolist() == [22, 7]
    assert (part.truth["mask"] == data.truth["mask"][[7, 2]]).all()
    assert (data.places(part.ids) == [7, 2]).all()
    assert part.fingerprint != data.fingerprint


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_three_channels_between_zero_and_one(channels):
    data = toy(channels=channels)
    pixels = data.pixels(data.rows("test"))
    assert pixels.shape == (2, 3, 4, 5)
    assert 0 <= pixels.min() < pixels.max() <= 1
    assert np.allclose(pixels[0, -1] * 255, data.images[data.rows("test")[0], -1])
    upright = replace(data, images=data.images.swapaxes(2, 3), truth={})
    assert data.side == upright.side == 5  # the longer one


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


@pytest.fixture
def data():
    named = replace(toy(), name="upload-toy")
    add(named)
    return named


def test_it_is_found_again_by_its_name(data):
    toy_example = Example(data, 4)
    assert toy_example.name == "upload-toy/13"
    again = example(toy_example.name)
    assert again.row == 4
    picture = again.picture()
    assert picture.pixels.shape == (4, 5, 3)
    assert not picture.pixels.flags.writeable
    assert (picture.pixels == data.images[4].transpose(1, 2, 0)).all()
    assert (again.mask() == data.truth["mask"][4]).all()
    assert again.twin() is None


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda data: replace(data, images=np.zeros((10, 2, 4, 4), np.uint8)), BadData, "1 or 3"),
        (lambda data: replace(data, labels=np.zeros(9, int)), BadData, "10 images but 9 labels"),
        (lambda data: replace(data, labels=np.full(10, 2)), BadData, "between 0 and 1"),
        (lambda data: replace(data, ids=np.zeros(10, np.int64)), BadData, "one id"),
        (lambda data: replace(data, truth={"mask": np.zeros((3, 4, 5))}), BadData, "but 3 mask"),
        (lambda data: data.places(np.array([4, 5])), BadData, "no image with id 5"),
        (lambda data: data.images.__setitem__(0, 0), ValueError, "read-only"),
        (lambda data: example("upload-toy/5"), BadData, "no image with id 5"),
        (lambda data: example("upload-toy"), BadData, "names no image"),
        (lambda data: example("nothing/3"), BadData, "no data set"),
        (lambda data: example("upload-toy/x"), BadData, "names no image"),
    ],
)
def test_what_does_not_belong_together_or_is_not_there_is_refused(data, ask, error, words):
    with pytest.raises(error, match=words):
        ask(data)


def test_the_mask_follows_the_crop_and_too_little_to_see_is_not_known():
    mask = np.zeros((4, 8), bool)
    mask[:, 6:] = True
    right = mask_in_square(mask, Crop(1.0, 0.5), 8)
    assert right[:, 4:].all()
    assert not right[:, :4].any()
    assert not mask_in_square(mask, Crop(0.0, 0.5), 8).any()
    data = toy()
    nothing = replace(data, truth={**data.truth, "mask": np.zeros_like(data.truth["mask"])})
    assert not Example(nothing, 4).mask().any()
    assert not Example(nothing, 4).has_finding
    assert Example(data, 4).has_finding == data.truth["mask"][4].any()
    unknown = {name: array for name, array in data.truth.items() if name != "mask"}
    assert Example(replace(data, truth=unknown), 4).mask() is None
    mask = np.zeros((16, 32), bool)
    mask[3, 30] = True  # a pixel of 256, in the right half
    assert known_in(mask, Crop(1.0, 0.5), 4) is None
    assert not known_in(mask, Crop(0.0, 0.5), 4).any()  # in the left half nothing is there
    assert (known_in(mask, Crop(1.0, 0.5), 16) == mask_in_square(mask, Crop(1.0, 0.5), 16)).all()
