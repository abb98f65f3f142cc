"""Bars: what is drawn has the angle that it says."""

from __future__ import annotations

import numpy as np
import pytest

from engine import data as data_sets
from engine.data.bars import STEPS, BarAngles, bar


@pytest.mark.parametrize("degrees", [0, 15, 45, 70, 90])
def test_a_bar_s_longest_axis_has_its_angle(degrees):
    image = bar(degrees, 0.5, -0.5)
    y, x = np.mgrid[:16, :16]
    axes = np.linalg.eigh(np.cov(np.stack([x, y]).reshape(2, -1), aweights=image.ravel()))[1]
    right, down = axes[:, -1]
    assert np.degrees(np.arctan2(down, right)) % 180 == pytest.approx(degrees, abs=1)
    assert (x * image).sum() / image.sum() == pytest.approx(8.0, abs=0.05)
    assert (y * image).sum() / image.sum() == pytest.approx(7.0, abs=0.05)


def test_every_class_has_as_many_images_of_each_split_and_its_own_angles():
    data = data_sets.load("bars")
    assert data.classes[:3] == ("0°", "5°", "10°")
    assert data.classes[-1] == "90°"
    for split, count in (("train", 60), ("validation", 10), ("test", 30)):
        assert (np.bincount(data.labels[data.rows(split)]) == [count] * STEPS).all()
    assert abs(data.truth["angle"] - 5 * data.labels).max() <= 1.25
    assert np.ptp(data.truth["angle"][data.labels == 4]) > 2


def test_noise_and_seed_are_settings():
    plain = BarAngles(count=190, noise=0.0).make()
    assert (plain.images == 0).mean() > 0.7
    assert (BarAngles(count=190).make().images == 0).mean() < 0.7
    other = BarAngles(count=190, noise=0.0, seed=1).make()
    assert not np.array_equal(plain.images, other.images)
    assert np.array_equal(plain.images, BarAngles(count=380, noise=0.0).make().images[:190])
