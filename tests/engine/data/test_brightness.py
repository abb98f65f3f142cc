"""Images in another light: every value by hand, what is cut, and twins that are lit alike."""

from __future__ import annotations

import numpy as np

from engine.data import load
from engine.data.brightness import Brightness


def test_every_value_is_multiplied_by_its_image_s_factor_and_cut_at_white():
    data = load("phantoms:count=40,side=64")
    result = Brightness(most=2.0, seed=3)(data)
    factor = result.truth["factor"]
    assert factor.shape == (len(data),)
    assert 0.5 <= factor.min() < 0.8
    assert 1.2 < factor.max() <= 2.0
    for row in range(len(data)):
        expected = np.minimum(np.rint(data.images[row].astype(np.float32) * factor[row]), 255)
        assert (result.images[row] == expected).all()
        twin = np.minimum(np.rint(data.truth["twin"][row].astype(np.float32) * factor[row]), 255)
        assert (result.truth["twin"][row] == twin).all()
    assert (result.images == 255).sum() > (data.images == 255).sum()
    assert (result.labels == data.labels).all()
    assert (result.truth["mask"] == data.truth["mask"]).all()


def test_a_factor_of_one_changes_nothing_and_another_seed_another_light():
    data = load("phantoms:count=40,side=64")
    assert (Brightness(most=1.0)(data).images == data.images).all()
    first, second = (Brightness(seed=seed)(data).truth["factor"] for seed in (0, 1))
    assert (first != second).all()


def test_it_is_written_in_a_name():
    data = load("phantoms:count=40,side=64+brightness:most=1.4,seed=2")
    assert data.name.endswith("+brightness:most=1.4,seed=2")
    assert data.truth["factor"].max() <= 1.4
