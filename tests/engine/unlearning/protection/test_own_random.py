"""Random noise on an image: its size, whose it is, and where it comes again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.unlearning import RandomNoiseOnImage
from engine.unlearning.protection.own_random import TILE
from tests import tiny

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (30, TILE + 20, 3), dtype=np.uint8)


def noise(method, image=IMAGE):
    """What is added, in gray levels."""
    return method.apply(image).astype(int) - image


def test_every_value_moves_by_epsilon_where_a_byte_has_room():
    case = tiny.cnn_case()
    for epsilon in (1, 8, 32):
        before, after, change = RandomNoiseOnImage(epsilon=epsilon)(case)["picture"].images[0]
        added = after.astype(int) - before
        room = np.abs(before - 127.5) <= 127.5 - epsilon
        assert (np.abs(added[room]) == epsilon).all()
        assert np.abs(added).max() == epsilon
        assert abs(np.sign(added[room]).mean()) < 0.2
        assert (change == np.clip(128 + 10 * added, 0, 255)).all()
    assert not noise(RandomNoiseOnImage(epsilon=0)).any()


def test_images_of_a_class_share_it_whatever_their_size():
    gray = np.full((TILE + 20, TILE + 40, 3), 128, np.uint8)
    method = RandomNoiseOnImage(number=2, key=5)
    whole, part = noise(method, gray), noise(method, gray[:50, :60])
    assert (whole[:50, :60] == part).all()
    assert (whole[TILE:, :] == whole[:20, :]).all()
    assert (whole != whole[..., :1]).any()  # a gray image does not stay gray
    for other in (replace(method, number=3), replace(method, key=6)):
        assert (noise(other, gray) == whole).mean() < 0.6
