"""The ramps are even, symmetric and safe."""

import numpy as np
import pytest
from skimage.color import rgb2lab

from components import colors

RAMPS = [colors.SEQUENTIAL, colors.DIVERGING_LIGHT, colors.DIVERGING_DARK]


def lightness(ramp: colors.Ramp) -> np.ndarray:
    return rgb2lab(ramp[None] / 255)[0, :, 0]


@pytest.mark.parametrize("ramp", RAMPS)
def test_a_ramp_is_256_colors_that_nobody_can_change(ramp):
    assert ramp.shape == (256, 3)
    assert ramp.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        ramp[0] = 0


def test_the_sequential_ramp_only_gets_lighter():
    assert (np.diff(lightness(colors.SEQUENTIAL)) > -0.5).all()


@pytest.mark.parametrize("ramp", [colors.DIVERGING_LIGHT, colors.DIVERGING_DARK])
def test_equal_steps_from_zero_are_equally_strong_on_both_sides(ramp):
    light = lightness(ramp)
    assert np.abs(light - light[::-1]).max() < 4


def test_zero_recedes_into_the_page_in_both_themes():
    on_light, on_dark = lightness(colors.DIVERGING_LIGHT), lightness(colors.DIVERGING_DARK)
    assert (np.diff(on_light[:127]) > 0).all()
    assert on_light[127] > 95
    assert (np.diff(on_dark[:127]) < 0).all()
    assert on_dark[127] < 10


@pytest.mark.parametrize("ramp", [colors.DIVERGING_LIGHT, colors.DIVERGING_DARK])
def test_negative_is_blue_and_positive_is_orange(ramp):
    assert ramp[0, 2] > ramp[0, 0]
    assert ramp[-1, 0] > ramp[-1, 2]


def test_the_kinds_are_eight_different_colors():
    assert len(set(colors.CATEGORICAL)) == 8
