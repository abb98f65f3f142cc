"""Corruptions do what they are called, more with severity, and the same for a seed."""

import pytest
import torch
from scipy.ndimage import gaussian_filter

from engine.evaluation.corruptions import CORRUPTIONS, corrupted
from tests import tiny

PIXELS = torch.rand(4, 3, 24, 24, generator=tiny.seeded(0))


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_nothing_happens_at_zero_and_more_and_more_after_it_by_the_seed(kind):
    assert torch.equal(corrupted(PIXELS, kind, 0.0), PIXELS)
    far = [float((corrupted(PIXELS, kind, s) - PIXELS).abs().mean()) for s in (0.1, 0.4, 1.0)]
    assert 0 < far[0] < far[1] < far[2]
    result = corrupted(PIXELS, kind, 0.8, seed=3)
    assert result.shape == PIXELS.shape
    assert 0 <= result.min() <= result.max() <= 1
    assert torch.equal(result, corrupted(PIXELS, kind, 0.8, seed=3))


def test_contrast_keeps_the_mean_and_shrinks_the_deviation():
    result = corrupted(PIXELS, "contrast", 1.0)
    assert result.mean((1, 2, 3)) == pytest.approx(PIXELS.mean((1, 2, 3)).numpy(), abs=1e-5)
    assert float(result.std() / PIXELS.std()) == pytest.approx(0.05, abs=0.01)


def test_a_flat_picture_is_not_changed_by_blur_or_a_turn():
    flat = torch.full((1, 3, 24, 24), 0.3)
    for kind in ("blur", "rotation", "contrast"):
        assert corrupted(flat, kind, 0.7) == pytest.approx(0.3, abs=1e-5)


def test_a_quarter_turn_turns_a_picture_by_a_quarter():
    turned = torch.rot90(PIXELS, 1, (2, 3))
    assert torch.allclose(corrupted(PIXELS, "rotation", 1.0), turned, atol=1e-4)


def test_half_of_the_picture_is_covered_at_one():
    bright = torch.ones(5, 3, 40, 40)
    covered = (corrupted(bright, "occlusion", 1.0)[:, 0] == 0.5).float().mean((1, 2))
    assert covered == pytest.approx(0.5, abs=0.02)


def test_noise_of_half_a_brightness_at_one_before_it_is_cut():
    result = corrupted(torch.full((1, 3, 200, 200), 0.5), "noise", 0.2)
    assert float(result.std()) == pytest.approx(0.1, abs=0.005)


def test_brightness_adds_half_of_the_scale_at_one():
    dark = PIXELS / 2
    torch.testing.assert_close(corrupted(dark, "brightness", 0.4), dark + 0.2)


def in_blocks(pixels, block):
    """The mean of each square block, in its place."""
    means = pixels.unflatten(3, (-1, block)).mean(4).unflatten(2, (-1, block)).mean(3)
    return means.repeat_interleave(block, 2).repeat_interleave(block, 3)


@pytest.mark.parametrize("block", [2, 3, 4])
@pytest.mark.parametrize("shape", [(12, 24), (24, 12)])
def test_pixelate_averages_blocks_of_an_image_whose_sides_differ(block, shape):
    pixels = PIXELS[..., : shape[0], : shape[1]]
    result = corrupted(pixels, "pixelate", (block - 1) / 8)
    torch.testing.assert_close(result, in_blocks(pixels, block))


def test_pixelate_leaves_two_blocks_along_a_side_at_least():
    small = PIXELS[..., :4, :4]
    torch.testing.assert_close(corrupted(small, "pixelate", 1.0), in_blocks(small, 2))


@pytest.mark.parametrize("severity", [0.3, 1.0])
def test_blur_is_gaussian_with_a_twelfth_of_the_side_at_its_strongest(severity):
    sigma = severity * 24 / 12
    sigmas, radius = (0, 0, sigma, sigma), round(3 * sigma)
    slow = gaussian_filter(PIXELS.double().numpy(), sigmas, mode="nearest", radius=radius)
    assert corrupted(PIXELS, "blur", severity).numpy() == pytest.approx(slow, abs=1e-4)


@pytest.mark.parametrize("kind", CORRUPTIONS)
@pytest.mark.parametrize("side", [1, 2, 3])
def test_tiny_images_keep_their_size(kind, side):
    pixels = PIXELS[..., :side, :side]
    assert corrupted(pixels, kind, 1.0).shape == pixels.shape
