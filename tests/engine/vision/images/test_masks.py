"""A mask is what is bright in a second file; a hole is filled smoothly and nothing else touched."""

import numpy as np
import pytest

from engine.core.errors import BadImage
from engine.vision.images import Crop, SliceChoice, filling, load
from engine.vision.images.filling import grown, inpaint, square_mask
from engine.vision.images.masks import mask_of
from tests.in_memory import png
from tests.scans import dicom, nifti

MARKS = np.zeros((20, 30), bool)
MARKS[4:9, 10:20] = True
PICTURE = load(png(np.full((20, 30), 90, np.uint8)), "picture.png")


@pytest.mark.parametrize("high", [1, 128, 255])
def test_a_picture_of_any_brightness_marks_what_is_not_black(high):
    mask_image = load(png(MARKS.astype(np.uint8) * high), "mask.png")
    assert (mask_of(mask_image, None, PICTURE) == MARKS).all()
    shades = np.where(MARKS, 200, 100).astype(np.uint8)
    shades[0] = 149  # nearer to the darkest
    assert (mask_of(load(png(shades), "mask.png"), None, PICTURE) == MARKS).all()


def test_a_dicom_marks_too_and_of_a_volume_the_slice_that_is_looked_at():
    mask_image = load(dicom(MARKS.astype(np.uint16)), "mask.dcm")
    assert (mask_of(mask_image, None, PICTURE) == MARKS).all()
    voxels = np.zeros((16, 16, 5), np.int16)
    voxels[3:6, 8:12, 2] = 1
    head = load(nifti((np.indices(voxels.shape).sum(0) % 7).astype(np.int16)), "head.nii")
    mask_image = load(nifti(voxels), "mask.nii")
    view = SliceChoice("axial", 2)
    assert mask_of(mask_image, view, head.picture(view)).sum() == 12
    second = SliceChoice("axial", 2, volume=1)  # of a scan of two, whose mask may have one or two
    assert mask_of(mask_image, second, head.picture(view)).sum() == 12
    both = load(nifti(np.stack([np.zeros_like(voxels), voxels], -1)), "mask.nii")
    assert mask_of(both, second, head.picture(view)).sum() == 12
    with pytest.raises(BadImage, match="empty here"):
        mask_of(both, view, head.picture(view))
    with pytest.raises(BadImage, match="empty here"):
        mask_of(mask_image, SliceChoice("axial", 1), head.picture(SliceChoice("axial", 1)))


def test_a_black_mask_says_that_nothing_is_there_where_that_is_an_answer():
    black = load(png(np.zeros((20, 30), np.uint8)), "m.png")
    assert not mask_of(black, None, PICTURE, empty=True).any()
    marked = load(png(MARKS.astype(np.uint8)), "m.png")
    assert (mask_of(marked, None, PICTURE, empty=True) == MARKS).all()
    with pytest.raises(BadImage, match="10 × 10 px"):
        mask_of(load(png(np.zeros((10, 10), np.uint8)), "m.png"), None, PICTURE, empty=True)


def test_another_size_and_nothing_marked_are_said():
    with pytest.raises(BadImage, match="10 × 10 px and the image 30 × 20"):
        mask_of(load(png(np.eye(10, dtype=np.uint8)), "m.png"), None, PICTURE)
    photo = load(png(np.zeros((4000, 3000), np.uint8)), "photo.png")
    with pytest.raises(BadImage, match="4000 × 3000 px and the image 3000 × 4000"):
        mask_of(load(png(np.zeros((3000, 4000), np.uint8)), "m.png"), None, photo)
    flat = load(dicom(np.eye(16, dtype=np.uint16), PixelSpacing=[2.0, 0.5])).picture()
    with pytest.raises(BadImage, match=r"square pixels the mask .* 16 × 64"):
        mask_of(load(png(np.eye(16, dtype=np.uint8)), "m.png"), None, flat)
    with pytest.raises(BadImage, match="empty"):
        mask_of(load(png(np.zeros((20, 30), np.uint8)), "m.png"), None, PICTURE)
    with pytest.raises(BadImage, match="one brightness here, and not black"):
        mask_of(load(png(np.full((20, 30), 9, np.uint8)), "m.png"), None, PICTURE, empty=True)
    shallow = load(nifti(np.zeros((30, 20, 5), np.int16)), "m.nii")
    with pytest.raises(BadImage, match="5 slices, but slice 8"):
        mask_of(shallow, SliceChoice("axial", 7), PICTURE)


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


def test_a_hole_in_a_ramp_is_filled_with_the_ramp_also_in_a_smaller_copy(monkeypatch):
    image, mask = ramp(), hole()
    result = inpaint(spoilt(image, mask), mask)
    assert np.allclose(result, image, atol=1e-3)
    assert np.array_equal(result[~mask], image[~mask])
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


def test_a_mask_is_made_wider_and_seen_on_the_square_in_the_middle():
    wider = grown(hole(), 2)
    assert wider[13:32, 10:35].all()
    assert wider.sum() == 19 * 25
    assert np.array_equal(grown(hole(), 0), hole())
    mask = np.zeros((40, 80), np.bool_)
    mask[:, 20:40] = True  # the left half of the middle square
    result = square_mask(mask, Crop(), 8)
    assert result[:, :4].all()
    assert not result[:, 4:].any()
    mask[:] = False
    mask[:, :10] = True  # outside of it
    with pytest.raises(BadImage, match="Nothing of the mask is left"):
        square_mask(mask, Crop(), 8)
