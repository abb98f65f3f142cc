"""The evidence is where the truth says, and nowhere else."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from engine.vision.data.evidence import KEYS, SHAPES, Bags, TwoCopies, shape_pixels


@pytest.fixture(scope="module")
def twice():
    return TwoCopies(count=200).make()


DRAWN = """
..####.. ........ ........ ...##...
.######. .######. ...##... ...##...
######## .######. ...##... ...##...
######## .######. ..####.. ########
######## .######. ..####.. ########
######## .######. .######. ...##...
.######. .######. .######. ...##...
..####.. ........ ######## ...##...
"""


def test_a_shape_is_what_its_name_says_and_as_frequent_in_every_split():
    lines = [line.split() for line in DRAWN.strip().split("\n")]
    for name, drawn in zip(SHAPES, zip(*lines, strict=True), strict=True):
        rows = ["".join("#" if pixel else "." for pixel in row) for row in shape_pixels(name)]
        assert rows == list(drawn)
    data = TwoCopies(count=400).make()
    for split in ("train", "validation", "test"):
        assert np.ptp(np.bincount(data.labels[data.rows(split)])) == 0
    masks = [shape_pixels(shape) for shape in SHAPES]
    assert all((a != b).sum() > 6 for i, a in enumerate(masks) for b in masks[:i])
    assert (TwoCopies(count=40).make().images == data.images[:40]).all()


def test_every_image_shows_its_shape_twice_brighter_than_a_ground_that_tells_nothing(twice):
    for row in range(0, 200, 7):
        copy, label = twice.truth["copy"][row], twice.labels[row]
        stencil = shape_pixels(SHAPES[label])
        for number in (1, 2):
            top, left = np.argwhere(copy == number).min(0)
            trimmed = stencil[stencil.any(1)][:, stencil.any(0)]
            height, width = trimmed.shape
            assert ((copy == number)[top : top + height, left : left + width] == trimmed).all()
            assert (copy == number).sum() == stencil.sum()
        assert ndi.label(twice.truth["mask"][row])[1] == 2
    images, mask = twice.images[:, 0].astype(float), twice.truth["mask"]
    assert images[mask].mean() - images[~mask].mean() == pytest.approx(0.35 * 255, rel=0.1)
    classes = [twice.labels == label for label in range(4)]
    assert np.ptp([images[rows][~mask[rows]].mean() for rows in classes]) < 3


@pytest.fixture(scope="module", params=["two", "three"])
def bags(request):
    return Bags(count=60, kind=request.param).make()


def test_a_bag_has_one_label_by_its_keys_and_hard_images_are_faint(bags):
    assert len(bags) == 60 * 60
    for bag in range(60):
        rows = bags.truth["group"] == bag
        assert rows.sum() == 60
        assert len(np.unique(bags.labels[rows])) == len(np.unique(bags.split[rows])) == 1
    digit, key, three = bags.truth["digit"], bags.truth["key"], len(bags.classes) == 3
    for bag in range(60):
        rows = bags.truth["group"] == bag
        label = bags.labels[rows][0]
        assert (key[rows] == (digit[rows] == (KEYS[label] if three else KEYS[0]))).all()
        if three or label == 1:
            assert 3 <= key[rows].sum() <= 8  # of 60
            other = np.isin(digit[rows], KEYS if three else KEYS[:1]) & ~key[rows]
            assert other.sum() <= 1 < key[rows].sum()
        else:
            assert not key[rows].any()
    hard, key = bags.truth["hard"], bags.truth["key"]
    bright = bags.images.max((1, 2, 3))
    assert bright[hard].max() <= 0.36 * 255
    assert bright[~hard].min() > 150
    assert hard.mean() == pytest.approx(0.5, abs=0.03)
    assert hard[key].mean() == pytest.approx(0.5, abs=0.15)


def test_the_test_bags_hold_digits_that_training_never_saw():
    data = Bags(count=40, hard=0.0).make()

    def seen(split):
        return {image.tobytes() for image in data.images[data.rows(split)]}

    assert not seen("train") & seen("test")
    assert not seen("train") & seen("validation")
