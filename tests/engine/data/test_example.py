"""An image of a data set is found again by its name, with its mask in the model's square."""

from __future__ import annotations

import numpy as np
import pytest

from engine.data.example import Example, example, seen
from engine.data.registry import add
from engine.errors import BadData
from engine.images import Crop
from tests.engine.data.test_dataset import toy


@pytest.fixture
def data():
    from dataclasses import replace

    named = replace(toy(), name="upload-toy")
    add(named)
    return named


def test_it_is_found_again_by_its_name(data):
    one = Example(data, 4)
    assert one.name == "upload-toy/13"
    again = example(one.name)
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
    right = seen(mask, Crop(1.0, 0.5), 8)
    assert right[:, 4:].all()
    assert not right[:, :4].any()
    assert not seen(mask, Crop(0.0, 0.5), 8).any()
