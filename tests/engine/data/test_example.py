"""An image of a data set is found again by its name, with its mask in the model's square."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.data.example import Example, example, known_in, mask_in_square
from engine.data.registry import add
from engine.errors import BadData
from engine.images import Crop
from tests.engine.data.test_dataset import toy


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
    assert (picture.pixels == data.images[4].transpose(1, 2, 0)).all()
    assert (again.mask() == data.truth["mask"][4]).all()
    assert again.twin() is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("upload-toy/5", "no image with id 5"),
        ("upload-toy", "names no image"),
        ("nothing/3", "no data set"),
        ("upload-toy/x", "names no image"),
    ],
)
def test_a_name_that_leads_nowhere_is_said(data, name, said):
    with pytest.raises(BadData, match=said):
        example(name)


def test_the_mask_follows_the_crop():
    mask = np.zeros((4, 8), bool)
    mask[:, 6:] = True
    right = mask_in_square(mask, Crop(1.0, 0.5), 8)
    assert right[:, 4:].all()
    assert not right[:, :4].any()
    assert not mask_in_square(mask, Crop(0.0, 0.5), 8).any()


def test_nothing_there_is_known_and_too_little_to_see_is_not():
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
