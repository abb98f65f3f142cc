"""A mask is what is bright in a second file, of the slice that is looked at."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from engine.errors import BadImage
from engine.images import SliceChoice, load
from engine.images.masks import mask_of
from tests.scans import dicom, nifti


def png(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


MARKS = np.zeros((20, 30), bool)
MARKS[4:9, 10:20] = True
PICTURE = load(png(np.full((20, 30), 90, np.uint8)), "picture.png")


@pytest.mark.parametrize("high", [1, 128, 255])
def test_a_picture_of_any_brightness_marks_what_is_not_black(high):
    mask_image = load(png(MARKS.astype(np.uint8) * high), "mask.png")
    assert (mask_of(mask_image, None, PICTURE) == MARKS).all()


def test_a_dicom_marks_too():
    mask_image = load(dicom(MARKS.astype(np.uint16)), "mask.dcm")
    assert (mask_of(mask_image, None, PICTURE) == MARKS).all()


def test_of_a_volume_the_slice_that_is_looked_at_is_taken():
    voxels = np.zeros((16, 16, 5), np.int16)
    voxels[3:6, 8:12, 2] = 1
    head = load(nifti((np.indices(voxels.shape).sum(0) % 7).astype(np.int16)), "head.nii")
    mask_image = load(nifti(voxels), "mask.nii")
    view = SliceChoice("axial", 2)
    marks = mask_of(mask_image, view, head.picture(view))
    assert marks.sum() == 12
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
