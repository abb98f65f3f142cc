"""A map that is saved as NIfTI lies on the scan: the same affine, and its values where they belong.

Each file is read by nibabel alone, and its voxels are found by the patient's millimeters.
"""

import gzip
import itertools

import nibabel as nib
import numpy as np
import pytest

from engine.core.errors import BadImage
from engine.vision.images import Crop, SliceChoice, load, nifti_out
from engine.vision.images.nifti_out import too_large, volume_file
from tests.scans import nifti

SHAPE = (12, 12, 10)
SIDE = 12
SIGNS = itertools.product((1, -1), repeat=3)
FEW = [*itertools.product(itertools.permutations(range(3)), SIGNS)][::5]


def body(order, signs):
    """A volume with one bright voxel of the patient, stored in some order of axes and signs."""
    step, values = 2.0, np.zeros(SHAPE, np.int16)
    values[3, 8, 6] = 900
    stored = values.transpose(order)[tuple(slice(None, None, sign) for sign in signs)]
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for axis, (to, sign) in enumerate(zip(order, signs, strict=True)):
        affine[to, axis] = step * sign
        affine[to, 3] = 5.0 if sign == 1 else 5.0 + step * (SHAPE[to] - 1)
    return np.ascontiguousarray(stored), affine


def opened(data):
    return nib.Nifti1Image.from_bytes(gzip.decompress(data))


def millimeters(image, values):
    """Where the voxels that are not 0 lie in the patient, (n, 3)."""
    return np.argwhere(values) @ image.affine[:3, :3].T + image.affine[:3, 3]


@pytest.mark.parametrize(("order", "signs"), FEW, ids=str)
@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_a_mask_lies_on_what_was_seen_however_the_scan_is_stored(order, signs, plane):
    """The bright voxel is found in the upright picture and comes back to its own place."""
    stored, affine = body(order, signs)
    scan = load(nifti(stored, affine), "a.nii")
    at = {"axial": 6, "coronal": 8, "sagittal": 3}[plane]
    is_bright = scan.picture(SliceChoice(plane, at)).behind.values > 500
    assert is_bright.sum() == 1
    crop = Crop(0.5, 0.3)
    left, top, right, bottom = (round(edge) for edge in crop.box(*is_bright.shape[::-1]))
    result = opened(volume_file(scan, plane, {at: is_bright[top:bottom, left:right]}, crop, "mask"))
    values = np.asarray(result.dataobj)
    assert np.array_equal(result.affine, affine)
    assert result.shape == stored.shape
    assert result.get_data_dtype() == np.uint8
    assert np.array_equal(np.argwhere(values), np.argwhere(stored))
    assert millimeters(result, values).tolist() == [[5 + 2 * 3, 5 + 2 * 8, 5 + 2 * 6]]


def test_an_oblique_affine_and_its_shear_come_back_to_the_digit():
    turn = np.array([[0.9, -0.3, 0.1], [0.31, 0.92, -0.2], [-0.05, 0.22, 3.1]])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn, (-80.5, 12.25, 7)
    data = nifti(np.ones(SHAPE, np.int16), affine.astype(np.float32).astype(float))
    scan = load(data, "a.nii")
    result = opened(volume_file(scan, "axial", {2: np.ones((SIDE, SIDE), bool)}, Crop(), "mask"))
    assert np.array_equal(result.affine, nib.Nifti1Image.from_bytes(data).affine)
    assert np.array_equal(np.unique(np.argwhere(np.asarray(result.dataobj))[:, 2]), [2])


def test_a_map_is_taken_to_finer_voxels_between_its_values_and_is_0_beyond_the_square():
    """A map that rises evenly across the square rises evenly over the voxels."""
    scan = load(nifti(np.zeros((40, 60, 3), np.int16), np.diag([2.0, 1.0, 3.0, 1.0])), "a.nii")
    ramp = np.tile(np.arange(20, dtype=np.float32) + 0.5, (20, 1))  # left to right in the picture
    result = np.asarray(opened(volume_file(scan, "axial", {1: ramp}, Crop(0.0), "m")).dataobj)
    # the picture has 80 × 60 square pixels: the square is the left 60, which are 30 voxels along x
    assert result.dtype == np.float32
    assert not result[..., [0, 2]].any()
    across = result[::-1, 7, 1]  # the patient's right is on the left
    assert not across[30:].any()
    expected = np.clip((np.arange(30) + 0.5) / 30 * 20, 0.5, 19.5)
    assert across[:30] == pytest.approx(expected, abs=1e-4)


def test_color_and_units_are_written_too_and_no_word_of_the_header_is_passed_on():
    rgb = np.zeros((8, 6, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    scan = load(nifti(rgb, np.diag([1.0, 2.0, 1.0, 1.0])), "a.nii")
    result = opened(volume_file(scan, "axial", {0: np.ones((5, 5), bool)}, Crop(), "mask"))
    assert result.shape == (8, 6, 4)
    assert np.asarray(result.dataobj)[..., 0].sum() == 8 * 4  # a square of 8 × 8 of 8 × 12 px
    scan = load(nifti(np.zeros(SHAPE, np.int16), xyzt_units=3), "a.nii")
    result = opened(volume_file(scan, "axial", {0: np.ones((4, 4), bool)}, Crop(), "x" * 200))
    assert result.header.get_xyzt_units()[0] == "micron"
    assert bytes(result.header["descrip"]).rstrip(b"\0") == b"x" * 79


@pytest.mark.parametrize(
    "header",
    [
        {"sform_code": 0, "qform_code": 0},
        {"srow_x": [np.nan, 0, 0, 0], "sform_code": 1},
        {"srow_x": [0, 0, 0, 0], "sform_code": 1},
    ],
    ids=["no code", "not finite", "flat"],
)
def test_a_scan_that_does_not_say_how_it_lies_gives_a_file_that_does_not_either(header):
    data = nifti(np.zeros(SHAPE, np.int16), np.diag([2.0, 3.0, 4.0, 1.0]), **header)
    scan = load(data, "a.nii")
    mask = np.zeros((6, 6), bool)
    mask[0, 0] = True
    result = opened(volume_file(scan, "third axis", {4: mask}, Crop(0, 0), "mask"))
    assert int(result.header["sform_code"]) == int(result.header["qform_code"]) == 0
    assert result.header.get_zooms() == (2.0, 3.0, 4.0)
    values = np.asarray(result.dataobj)
    assert values[0, 0, 4] == 1
    values[:3, :3, 4] = 0
    assert not values.any()


def test_a_volume_too_large_to_be_written_is_a_sentence(monkeypatch):
    scan = load(nifti(np.zeros(SHAPE, np.int16)), "a.nii")
    assert too_large(scan) == ""
    monkeypatch.setattr(nifti_out, "MOST_VOXELS", 1000)
    with pytest.raises(BadImage, match=r"at most 0 million are written as NIfTI: take the PNG"):
        volume_file(scan, "axial", {0: np.ones((4, 4), bool)}, Crop(), "mask")
