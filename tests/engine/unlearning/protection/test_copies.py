"""Copies: what is left of a known noise; a protected image beside the clean image."""

from dataclasses import replace
from math import cos, exp, log10, pi, sqrt

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from engine.core.pictures import as_bytes
from engine.unlearning import Copies
from engine.unlearning.protection.copies import SHARES, as_jpeg, left
from engine.unlearning.protection.protected_pair import (
    PROTECTED_IMAGE,
    amplification,
    figures,
    noise_picture,
    pair_of,
    verdict,
)
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from tests import tiny

SIDE = 64
GRAY = np.full((SIDE, SIDE, 3), 128, np.uint8)
CHESS = np.where(np.indices((SIDE, SIDE)).sum(0) % 2, 16, -16)[..., None] * np.ones(3, int)


def shares(noise, **settings):
    """Energy left and correlation by copy, of noise on plain gray."""
    case = ImageCase(tiny.mlp(), torch.full((3, SIDE, SIDE), 128 / 255), Target(0))
    method = Copies(**settings)
    pair = pair_of(case, (GRAY + noise).astype(np.uint8))
    result = method(pair)
    rows = ("jpeg", "gray", "size", "blur")
    table = result["copies"]
    return (
        dict(zip(rows, zip(*(table[share] for share in SHARES), strict=True), strict=True)),
        method.finding(pair, result),
        result,
    )


def test_noise_and_energy_left_are_those_of_the_transfer_function_written_out():
    """A cosine stays one under a Gaussian: exp(-(sigma * omega)^2 / 2) of it is left."""
    for waves, sigma in ((8, 1.0), (16, 1.0), (16, 2.0)):
        wave = [round(40 * cos(pi * waves * (x + 0.5) / SIDE)) for x in range(SIDE)]
        noise = np.tile(np.array(wave)[None, :, None], (SIDE, 1, 3))
        result, _, _ = shares(noise, blur=sigma)
        noise_left, energy, alike = result["blur"]
        transfer = exp(-((sigma * pi * waves / SIDE) ** 2) / 2)
        assert noise_left == pytest.approx(transfer, abs=0.01)
        assert energy == pytest.approx(transfer**2, abs=0.01)
        assert alike > 0.99


def test_gray_keeps_the_luma_of_each_channel():
    for channel, weight in enumerate((0.299, 0.587, 0.114)):
        noise = np.zeros((SIDE, SIDE, 3), int)
        noise[..., channel] = 100 * np.sign(CHESS[..., 0])
        noise_left, energy, alike = shares(noise)[0]["gray"]
        assert noise_left == pytest.approx(weight, abs=0.01)
        assert energy == pytest.approx(3 * weight**2, abs=0.02)
        assert alike == pytest.approx(1 / sqrt(3), abs=0.01)


def test_a_chessboard_is_lost_where_an_even_shift_stays():
    lost, sentence, result = shares(CHESS, quality=5, blur=2.0)
    for way in ("jpeg", "size", "blur"):
        assert max(lost[way][:2]) < 0.05
    assert lost["gray"][0] == pytest.approx(1.0)
    assert "0 % (50 % of the size)" in sentence
    assert "100 % (gray-scale)" in sentence
    for all_left in shares(np.full((SIDE, SIDE, 3), 16))[0].values():
        assert all_left == pytest.approx((1.0, 1.0, 1.0), abs=0.01)
    strips = result["strips"]
    assert strips.images.shape == (2, 5, SIDE, SIDE, 3)
    assert (strips.images[0, 0] == GRAY + CHESS).all()
    assert set(np.unique(strips.images[1, 0])) == {128 - 7 * 16, 128 + 7 * 16}  # noise times 7
    assert strips.rows[1] == "noise × 7"


def test_what_jpeg_makes_itself_is_no_noise():
    """Much compressed, a faint noise moves some rounding: energy is left that is not like it."""
    texture = np.random.default_rng(0).integers(60, 190, (SIDE, SIDE, 1), np.uint8).repeat(3, 2)
    faint = CHESS // 16
    after = (texture + faint).astype(np.uint8)
    alike = {}
    for quality in (20, 100):
        copied = as_jpeg(after, quality).astype(int) - as_jpeg(texture, quality)
        alike[quality] = left(faint, copied)
    assert alike[20][1] > 0.3
    assert alike[20][2] < 0.5
    assert alike[100][2] > 0.8


def test_images_that_are_the_same_have_no_noise_and_settings_that_copy_nothing_leave_everything():
    result, sentence, _ = shares(np.zeros((SIDE, SIDE, 3), int))
    assert np.isnan(list(result.values())).all()
    assert sentence == "The two images are the same: there is no noise to copy."
    result, _, _ = shares(CHESS, quality=100, size=1.0, blur=0.0)
    for way in ("size", "blur"):
        assert result[way] == pytest.approx((1.0, 1.0, 1.0))
    assert result["jpeg"][0] == pytest.approx(1.0, abs=0.03)


@pytest.fixture
def clean():
    rows, columns = np.indices((32, 48))
    waves = 127 + 90 * np.sin(rows / 5) * np.cos(columns / 7)
    return np.repeat(waves.astype(np.uint8)[..., None], 3, 2)


def raised(clean, by, rows=32):
    """The image with the first rows brighter."""
    after = clean.astype(int)
    after[:rows] += by
    return after.clip(0, 255).astype(np.uint8)


def test_figures_and_picture_are_those_computed_by_hand(clean):
    after = raised(clean, 8, rows=16)
    table = figures(clean, after)
    psnr = 10 * log10(255**2 / (8**2 / 2))
    for name, value in {"largest change": 8, "pixels changed": 0.5, "PSNR": psnr}.items():
        assert table.cell(PROTECTED_IMAGE, name) == pytest.approx(value)
    published = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    expected = structural_similarity(clean, after, data_range=255, channel_axis=2, **published)
    assert table.cell(PROTECTED_IMAGE, "SSIM") == pytest.approx(expected)
    view = noise_picture(clean, after)
    assert view.columns == ("clean", "protected", "noise × 10, gray: none", "changed pixels")
    assert (view.images[0, 2, :16] == 128 + 80).all()
    assert (view.images[0, 2, 16:] == 128).all()
    assert (view.images[0, 3, :16] == 255).all()
    assert not view.images[0, 3, 16:].any()
    assert "50 % of the pixels change, by at most 8 of 255" in view.finding
    assert not any(view.rows)  # a label beside one row would only make it smaller
    everywhere = noise_picture(clean, raised(clean, 8))
    assert everywhere.columns == ("clean", "protected", "noise × 10, gray: none")


def test_large_noise_is_drawn_less_amplified(clean):
    for by, times in ((0, 10), (12, 10), (20, 6), (90, 1)):
        assert amplification(clean // 2, raised(clean // 2, by)) == times


def test_the_verdict_says_when_nothing_is_changed_detail_is_lost_or_ssim_is_missing(clean):
    noise = 60 * np.random.default_rng(0).choice([-1, 1], clean.shape)
    for after, words in (
        (raised(clean, 2), "the protection is hard to see (SSIM 1.00, PSNR 42 dB"),
        ((clean + noise).clip(0, 255), "fine detail is lost for people too (SSIM 0."),
    ):
        assert verdict(figures(clean, after.astype(np.uint8))).startswith(words)
    assert verdict(figures(clean, clean)) == "nothing is changed"
    small = np.full((8, 8, 3), 100, np.uint8)
    table = figures(small, small + np.uint8(8))
    assert np.isnan(table.cell(PROTECTED_IMAGE, "SSIM"))
    assert verdict(table) == "judge by eye, the image is too small for SSIM (PSNR 30 dB)"


def test_a_pair_has_the_protected_image_to_the_byte(clean):
    case = replace(tiny.cnn_case(), image=torch.zeros(3, *clean.shape[:2]))
    assert (as_bytes(pair_of(case, clean).others[0]) == clean).all()
