"""Copies: what is left of a noise whose fate is known beforehand."""

from __future__ import annotations

from math import cos, exp, pi, sqrt

import numpy as np
import pytest
import torch

from engine.case import ImageCase
from engine.case.target import Target
from engine.errors import BadSetting
from engine.unlearning import Copies
from engine.unlearning.protection.copies import SHARES, as_jpeg, left
from engine.unlearning.protection.protected_pair import pair_of
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


def test_settings_at_which_nothing_is_copied_leave_everything():
    result, _, _ = shares(CHESS, quality=100, size=1.0, blur=0.0)
    for way in ("size", "blur"):
        assert result[way] == pytest.approx((1.0, 1.0, 1.0))
    assert result["jpeg"][0] == pytest.approx(1.0, abs=0.03)


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


def test_two_images_that_are_the_same_have_no_noise():
    result, sentence, _ = shares(np.zeros((SIDE, SIDE, 3), int))
    assert np.isnan(list(result.values())).all()
    assert sentence == "The two images are the same: there is no noise to copy."


def test_bad_settings_are_refused():
    for bad in ({"quality": 0}, {"size": 0.0}, {"blur": -1.0}):
        with pytest.raises(BadSetting, match="What copies leave"):
            Copies(**bad)
