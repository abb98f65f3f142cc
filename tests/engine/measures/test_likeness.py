"""Noise in decibels, from its definition; SSIM is checked where walks use it."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from engine.measures.likeness import psnr


def test_a_tenth_of_the_range_everywhere_is_twenty_decibels():
    images = np.full((3, 1, 4, 4), 100, np.uint8)
    assert psnr(images, images + np.uint8(51), peak=510) == pytest.approx(20)
    assert psnr(images, images) == inf


def test_the_error_is_the_mean_over_all_images():
    images = np.zeros((4, 2, 2), np.uint8)
    other = images.copy()
    other[0] = 10  # a mean square of 100 in one image of four
    assert psnr(images, other) == pytest.approx(10 * np.log10(255**2 / 25))
