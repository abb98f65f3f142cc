"""Noise in decibels, changes in words, the Fréchet distance; SSIM is checked with walks."""

from math import inf

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from engine.evaluation.measures.frechet import frechet
from engine.evaluation.measures.likeness import psnr, ssim, visible


def test_a_tenth_of_the_range_everywhere_is_twenty_decibels():
    images = np.full((3, 1, 4, 4), 100, np.uint8)
    assert psnr(images, images + np.uint8(51), peak=510) == pytest.approx(20)
    assert psnr(images, images) == inf


def test_the_error_is_the_mean_over_all_images():
    images = np.zeros((4, 2, 2), np.uint8)
    other = images.copy()
    other[0] = 10  # a mean square of 100 in one image of four
    assert psnr(images, other) == pytest.approx(10 * np.log10(255**2 / 25))


@pytest.mark.parametrize(
    ("added", "words"),
    [
        (10, ""),
        (15, " The change can be seen (the change is 0.15 of the image's contrast)."),
        (30, " The change can be seen (the change is 0.30 of the image's contrast)."),
        (50, " The change can be seen (the change is 0.50 of the image's contrast)."),
        (60, " The image itself is ruined by then (the change is 0.60 of the image's contrast)."),
        (75, " The image itself is ruined by then (the change is 0.75 of the image's contrast)."),
    ],
)
def test_of_an_image_too_small_for_ssim_the_change_is_held_against_its_contrast(added, words):
    """Half of it is 0 and half 200, so its standard deviation is 100."""
    image = np.zeros((8, 8, 3), np.uint8)
    image[:, ::2] = 200
    changed = np.where(image == 0, image + added, image - added).astype(np.uint8)
    assert visible(image, changed) == words
    assert visible(image, changed, float("nan")) == words


def test_where_ssim_is_known_it_decides():
    """With a change of the whole image by c, SSIM is (2 μ ν + C) / (μ² + ν² + C), C = 0.01²."""
    image = np.full((16, 16, 3), 51, np.uint8)
    for level, warning in (
        (255, " The image itself is ruined by then"),
        (102, " The change can be"),
    ):
        means = np.array([51, level]) / 255
        expected = (2 * means.prod() + 1e-4) / (np.square(means).sum() + 1e-4)
        other = np.full_like(image, level)
        pair = [torch.from_numpy(array).permute(2, 0, 1) / 255 for array in (image, other)]
        result = visible(image, other, ssim(*pair))
        assert result.startswith(warning)
        assert result.endswith(f"(SSIM {expected:.2f}; 1 is the same).")
    assert not visible(image, image)
    assert not visible(image[:8], image[:8] + np.uint8(9))  # flat and small: nothing is known


def test_the_frechet_distance_is_the_formula_with_a_root_of_the_product():
    chance = np.random.default_rng(0)
    points = chance.normal(size=(300, 6)) @ chance.normal(size=(6, 6))
    other_points = chance.normal(size=(200, 6)) @ chance.normal(size=(6, 6)) + 1
    first, second = np.cov(points.T), np.cov(other_points.T)
    slowly = ((points.mean(0) - other_points.mean(0)) ** 2).sum()
    slowly += np.trace(first + second - 2 * np.real(sqrtm(first @ second)))
    assert frechet(points, other_points) == pytest.approx(slowly, rel=1e-6)
    assert frechet(other_points, points) == pytest.approx(slowly, rel=1e-6)


def test_on_a_line_the_frechet_distance_is_the_gap_of_means_and_of_deviations():
    chance = np.random.default_rng(1)
    first, second = chance.normal(0, 2, (400, 1)), chance.normal(3, 5, (400, 1))
    expected = (first.mean() - second.mean()) ** 2 + (first.std(ddof=1) - second.std(ddof=1)) ** 2
    assert frechet(first, second) == pytest.approx(expected)


def test_of_the_same_rows_the_frechet_distance_is_nothing_also_where_they_are_fewer_than_columns():
    rows = np.random.default_rng(2).normal(size=(5, 40))
    assert frechet(rows, rows) == pytest.approx(0, abs=1e-4)
    assert frechet(rows, rows + 2) == pytest.approx(40 * 4, rel=1e-6)


def test_one_row_has_no_covariance():
    with pytest.raises(ValueError, match="two rows"):
        frechet(np.zeros((1, 3)), np.zeros((5, 3)))
