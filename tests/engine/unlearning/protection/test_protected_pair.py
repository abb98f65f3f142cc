"""A protected image beside the clean one: figures, the picture, and what is said of them."""

from __future__ import annotations

from dataclasses import replace
from math import log10

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from engine.pictures import as_bytes
from engine.unlearning.protection.protected_pair import (
    PROTECTED_IMAGE,
    amplification,
    figures,
    noise_picture,
    pair_of,
    verdict,
)
from tests import tiny


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


def test_figures_are_those_computed_by_hand(clean):
    after = raised(clean, 8, rows=16)
    table = figures(clean, after)
    assert table.cell(PROTECTED_IMAGE, "largest change") == 8
    assert table.cell(PROTECTED_IMAGE, "pixels changed") == 0.5
    assert table.cell(PROTECTED_IMAGE, "PSNR") == pytest.approx(10 * log10(255**2 / (8**2 / 2)))
    expected = structural_similarity(
        clean / 255,
        after / 255,
        data_range=1.0,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert table.cell(PROTECTED_IMAGE, "SSIM") == pytest.approx(expected)


def test_the_picture_has_the_noise_and_where_it_is(clean):
    view = noise_picture(clean, raised(clean, 8, rows=16))
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


def test_the_verdict_says_when_nothing_is_changed_and_when_detail_is_lost(clean):
    noise = 60 * np.random.default_rng(0).choice([-1, 1], clean.shape)
    verdicts = {
        "nothing": verdict(figures(clean, clean)),
        "little": verdict(figures(clean, raised(clean, 2))),
        "lost": verdict(figures(clean, (clean + noise).clip(0, 255).astype(np.uint8))),
    }
    assert verdicts["nothing"] == "nothing is changed"
    assert verdicts["little"].startswith("the protection is hard to see (SSIM 1.00, PSNR 42 dB")
    assert verdicts["lost"].startswith("fine detail is lost for people too (SSIM 0.")


def test_an_image_too_small_for_ssim_says_so():
    small = np.full((8, 8, 3), 100, np.uint8)
    table = figures(small, small + np.uint8(8))
    assert np.isnan(table.cell(PROTECTED_IMAGE, "SSIM"))
    assert verdict(table) == "judge by eye, the image is too small for SSIM (PSNR 30 dB)"


def test_a_pair_has_the_protected_image_to_the_byte(clean):
    case = replace(tiny.cnn_case(), image=torch.zeros(3, *clean.shape[:2]))
    assert (as_bytes(pair_of(case, clean).others[0]) == clean).all()
