"""Masks of few pixels: ties, size, what is background, and how much of a mask stays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.unlearning.protection.local_masks import (
    background,
    overlap,
    pixel_count,
    random_masks,
    steepest_pixels,
)


def test_a_share_of_pixels_is_rounded_down():
    assert pixel_count(0.3, 8, 8) == 19
    assert pixel_count(0.29, 10, 10) == 29
    assert pixel_count(1.0, 7, 9) == 63
    assert pixel_count(0.01, 8, 8) == 0


def test_channels_count_together_and_the_brighter_of_equal_pixels_comes_first():
    slopes = torch.tensor([[[[1.0, -3.0], [0.0, 2.0]], [[1.0, 0.0], [-2.0, 0.0]]]])
    images = torch.tensor([[[[0.1, 0.5], [0.3, 0.9]], [[0.1, 0.5], [0.3, 0.9]]]])
    everywhere = torch.ones(1, 2, 2, dtype=torch.bool)
    assert steepest_pixels(slopes, images, 0.25, everywhere).tolist() == [
        [[False, True], [False, False]]
    ]
    assert steepest_pixels(slopes, images, 0.5, everywhere).tolist() == [
        [[False, True], [False, True]]
    ]
    assert steepest_pixels(slopes, images, 0.75, everywhere).tolist() == [
        [[False, True], [True, True]]
    ]
    allowed = torch.tensor([[[True, False], [True, True]]])
    assert steepest_pixels(slopes, images, 0.75, allowed).tolist() == [
        [[True, False], [True, True]]
    ]
    allowed = torch.tensor([[[True, False], [False, False]]])
    assert steepest_pixels(slopes, images, 0.75, allowed).tolist() == [
        [[True, False], [False, False]]
    ]


def test_chance_marks_as_many_pixels_and_others_in_each_image():
    allowed = np.ones((20, 8, 8), bool)
    allowed[:, 0] = False
    result = random_masks(allowed, 0.3, 0)
    assert (result.sum((1, 2)) == 19).all()
    assert not result[:, 0].any()
    assert (result[0] != result[1]).any()
    assert (random_masks(allowed, 0.3, 0) == result).all()
    assert (random_masks(allowed, 0.3, 1) != result).any()
    assert overlap(result[1:], result[:-1]) == pytest.approx(19 / 56, abs=0.08)


def test_dark_regions_are_background_only_where_they_reach_the_border():
    image = np.full((3, 7, 7), 100, np.uint8)
    image[:, :2] = 5
    image[:, 4, 4] = 5  # a dark place inside
    image[0, 0, 3] = 90  # bright in one channel
    result = background(image[None])[0]
    expected = np.zeros((7, 7), bool)
    expected[:2] = True
    expected[0, 3] = False
    assert (result == expected).all()


def test_the_overlap_is_the_share_of_a_mask_that_was_there_before():
    masks = np.array([[[1, 1, 0, 0]], [[0, 1, 1, 1]]], bool)
    other_masks = np.array([[[1, 0, 0, 1]], [[0, 0, 0, 1]]], bool)
    assert overlap(masks, other_masks) == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert np.isnan(overlap(np.zeros_like(masks), other_masks))
