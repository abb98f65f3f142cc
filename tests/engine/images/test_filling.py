"""A hole is filled smoothly; nothing else of the picture is touched."""

import numpy as np
import pytest

from engine.errors import BadImage
from engine.images import Crop, filling
from engine.images.filling import grown, inpaint, square_mask


def ramp(side=48):
    """Each color rises along another direction, which solves the biharmonic equation."""
    down, right = np.mgrid[:side, :side].astype(np.float32) / side
    return np.stack([0.1 + 0.5 * down, 0.2 + 0.3 * right, 0.1 + 0.2 * down + 0.4 * right], -1)


def hole(side=48):
    mask = np.zeros((side, side), np.bool_)
    mask[15:30, 12:33] = True
    return mask


def spoilt(image, mask):
    return np.where(mask[..., None], np.float32(1.0), image)


def test_a_hole_in_a_ramp_is_filled_with_the_ramp_and_the_rest_stays():
    image, mask = ramp(), hole()
    result = inpaint(spoilt(image, mask), mask)
    assert np.allclose(result, image, atol=1e-3)
    assert np.array_equal(result[~mask], image[~mask])


def test_a_large_hole_is_filled_in_a_smaller_copy_nearly_alike(monkeypatch):
    image, mask = ramp(), hole()
    monkeypatch.setattr(filling, "MOST", 80)
    result = inpaint(spoilt(image, mask), mask)
    assert np.array_equal(result[~mask], image[~mask])
    assert np.abs(result - image).max() < 0.03
    assert np.abs(spoilt(image, mask) - image).max() > 0.3


@pytest.mark.parametrize("side", [336, 512])
def test_no_more_px_are_filled_at_once_than_the_bound(side, monkeypatch):
    counts = []

    def fill(image, mask, channel_axis):
        counts.append(int(mask.sum()))
        return image

    monkeypatch.setattr("skimage.restoration.inpaint_biharmonic", fill)
    image, mask = ramp(side), np.zeros((side, side), np.bool_)
    mask[20:-20, 40:-20] = True
    assert filling.MOST < mask.sum() < filling.MOST_COVERED * mask.size
    assert inpaint(image, mask).shape == image.shape
    (count,) = counts
    assert 0.8 * filling.MOST < count < 1.05 * filling.MOST  # a rim is partly covered


@pytest.mark.parametrize(
    ("mask", "why"),
    [(np.zeros((48, 48), np.bool_), "empty"), (np.ones((48, 48), np.bool_), "covers 100 %")],
)
def test_a_mask_of_nothing_or_of_all_is_refused_in_words(mask, why):
    with pytest.raises(BadImage, match=why):
        inpaint(ramp(), mask)


def test_a_mask_that_leaves_nothing_in_the_smaller_copy_is_refused(monkeypatch):
    monkeypatch.setattr(filling, "MOST", 100)
    with pytest.raises(BadImage, match="too little is left"):
        inpaint(ramp(), np.indices((48, 48)).sum(0) % 2 == 0)


def test_a_mask_is_made_wider_on_all_sides():
    wider = grown(hole(), 2)
    assert wider[13:32, 10:35].all()
    assert wider.sum() == 19 * 25
    assert np.array_equal(grown(hole(), 0), hole())


def test_a_mask_is_seen_on_the_square_in_the_middle():
    mask = np.zeros((40, 80), np.bool_)
    mask[:, 20:40] = True  # the left half of the middle square
    result = square_mask(mask, Crop(), 8)
    assert result[:, :4].all()
    assert not result[:, 4:].any()
    mask[:] = False
    mask[:, :10] = True  # outside of it
    with pytest.raises(BadImage, match="Nothing of the mask is left"):
        square_mask(mask, Crop(), 8)
