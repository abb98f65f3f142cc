"""NIfTI: every way a volume can lie, and every way a file can be wrong."""

import gzip
import itertools
import logging
import zlib
from dataclasses import astuple
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from engine.core.errors import BadImage, BadSetting
from engine.vision.images import SliceChoice, load, nifti_file, read
from tests.engine.vision.images.outcome import counts, is_read, reads_of_changed, refusal
from tests.scans import SECRETS, nifti

SHIPPED = Path(nib.__file__).parent / "tests" / "data"
NAME = "a.nii"
READ, REFUSED = 9, 79  # of the files of nibabel 5.4, most of which are of other formats

SHAPE = (6, 7, 8)
RIGHT, FRONT, HEAD = 5, 6, 7  # the last index along x, y and z


def body():
    """A volume in which the patient's right, front and head are brighter, each by its own step."""
    x, y, z = np.indices(SHAPE)
    return (x + 10 * y + 100 * z).astype(np.int16)


def values(data, plane, at):
    return load(data).picture(SliceChoice(plane, at)).behind.values


def test_every_file_that_nibabel_ships_is_read_or_refused_with_a_sentence():
    read_well, refused = counts(SHIPPED, NAME)
    if nib.__version__.startswith("5.4."):
        assert (read_well, refused) == (READ, REFUSED)
    assert read_well >= 5


def test_the_three_planes_show_the_patients_sides_where_the_letters_say():
    data = nifti(body())
    places = {"axial": 3, "coronal": 2, "sagittal": 1}
    axial, coronal, sagittal = (values(data, plane, at) for plane, at in places.items())
    assert axial[0, 0] == RIGHT + 10 * FRONT + 300  # right on the left, front on top
    assert axial[-1, -1] == 300
    assert coronal[0, 0] == RIGHT + 20 + 100 * HEAD
    assert sagittal[0, 0] == 1 + 10 * FRONT + 100 * HEAD  # front on the left
    assert sagittal[0, -1] == 1 + 100 * HEAD
    scan = load(data)
    assert scan.volumes == 1
    sides = [astuple(scan.picture(SliceChoice(plane)).behind.edges) for plane in scan.planes]
    assert sides == [("R", "L", "A", "P"), ("R", "L", "H", "F"), ("A", "P", "H", "F")]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flips", list(itertools.product([1, -1], repeat=3)))
def test_all_48_ways_to_store_a_body_look_the_same(order, flips):
    upright = nib.Nifti1Image(body(), np.diag([1.0, 2.0, 3.0, 1.0]))
    turn = np.array([[axis, flip] for axis, flip in zip(order, flips, strict=True)])
    scans = [load(image.to_bytes()) for image in (upright.as_reoriented(turn), upright)]
    for plane in ("axial", "coronal", "sagittal"):
        stored, expected = (scan.picture(SliceChoice(plane)).digest for scan in scans)
        assert stored == expected


def test_slices_open_at_the_middle_and_are_shown_square():
    scan = load(nifti(body()))
    assert [scan.count(plane) for plane in scan.planes] == [8, 7, 6]
    assert scan.picture().behind.values.min() == 400
    with pytest.raises(BadSetting, match="no slice 9"):
        scan.picture(SliceChoice("axial", 8))
    picture = load(nifti(body(), np.diag([1.0, 1.0, 4.0, 1.0]))).picture(SliceChoice("coronal"))
    assert picture.pixels.shape[:2] == (32, 6)
    assert "stretched to square pixels, as the file's spacing asks" in picture.notes


@pytest.mark.parametrize(
    "header",
    [
        {"sform_code": 0, "qform_code": 0},
        {"srow_x": [0, 0, 0, 0], "sform_code": 1},
        {"srow_x": [1, 1, 0, 0], "srow_y": [1, 1, 0, 0], "sform_code": 1},
        {"srow_x": [np.nan, 0, 0, 0], "sform_code": 1},
    ],
)
def test_an_affine_that_says_nothing_leaves_the_slices_as_stored(header):
    scan = load(nifti(body(), **header))
    assert scan.planes == ("third axis", "second axis", "first axis")
    picture = scan.picture(SliceChoice("third axis", 0))
    assert picture.behind.edges is None
    assert picture.notes[-1] == "orientation unknown"
    assert np.array_equal(picture.behind.values, body()[:, :, 0].T)


def test_values_are_scaled_and_what_is_no_number_is_nothing_and_black():
    scaled = nifti(body(), scl_slope=0.5, scl_inter=-3)
    assert values(scaled, "sagittal", 0).max() == 0.5 * (60 + 700) - 3
    assert load(scaled).picture().behind.step == 0.5
    plain = load(nifti(body(), scl_slope=0)).picture(SliceChoice("axial", 3)).behind
    assert (plain.values[0, 0], plain.step) == (RIGHT + 10 * FRONT + 300, 1)  # 0: not scaled
    gap = body().astype(np.float32)
    gap[:, :, 4] = np.nan
    gap[0, 0, 4] = 7
    gap[0, 1, 4] = np.inf
    picture = load(nifti(gap)).picture(SliceChoice("axial", 4))
    assert np.isfinite(picture.behind.values).sum() == 1
    assert picture.notes[0] == "98 % of it has no value and is black"
    picture = load(nifti(np.full(SHAPE, np.nan, np.float32))).picture()
    assert not picture.pixels.any()
    assert "100 % of it has no value and is black" in picture.notes


@pytest.mark.parametrize(
    "kind", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "c8", "c16"]
)
def test_every_number_type_is_read(kind):
    stored = (body() % 100).astype(kind) * (1j if kind[0] == "c" else 1)
    data = nib.Nifti1Image(stored, np.eye(4), dtype=stored.dtype).to_bytes()
    assert values(data, "axial", 3)[0, 0] == (RIGHT + 10 * FRONT + 300) % 100
    assert bool(load(data).notes) == (kind[0] == "c")


def test_far_values_are_nothing_and_the_display_range_of_the_file_is_its_window():
    far = body().astype(np.float64)
    far[0, 0, 0] = 1e300
    assert np.isnan(values(nifti(far), "axial", 0)[-1, -1])
    scan = load(nifti(body(), cal_min=100, cal_max=300))
    assert scan.presets[0].name == "From the file"
    assert (scan.presets[0].window.center, scan.presets[0].window.width) == (200, 200)
    assert load(nifti(body(), cal_min=5, cal_max=5)).presets[0].name == "Middle 98 %"
    assert load(nifti(body(), cal_min=np.nan, cal_max=5)).presets[0].name == "Middle 98 %"


def test_colors_are_shown_as_they_are_and_of_several_volumes_each_can_be():
    color = np.zeros(SHAPE, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    color["R"][:3] = 250  # the patient's left
    scan = load(nib.Nifti1Image(color, np.eye(4)).to_bytes())
    assert scan.picture().pixels[0].tolist() == [[0, 0, 0]] * 3 + [[250, 0, 0]] * 3
    assert scan.presets == ()
    scan = load(nifti(np.stack([body(), body() + 1, body() + 2], axis=-1)))
    assert scan.volumes == 3
    assert scan.picture(SliceChoice("axial", 0)).behind.values[-1, -1] == 0
    assert scan.picture(SliceChoice("axial", 0, volume=2)).behind.values[-1, -1] == 2
    with pytest.raises(BadSetting, match="no volume 4"):
        scan.picture(SliceChoice("axial", 0, volume=3))


def test_a_single_slice_has_one_plane_and_gzip_and_nifti_2_are_the_same():
    assert load(nifti(body()[:, :, :1])).planes == ("axial",)
    assert load(nifti(body()[:, :, 0])).planes == ("axial",)
    assert load(nifti(body()[:2, :, 0])).planes == ("axial",)
    assert len(load(nifti(body()[:1, :, :1])).planes) == 3
    data = nifti(body())
    split = gzip.compress(data[:600]) + gzip.compress(data[600:])
    for same in (gzip.compress(data), split, nib.Nifti2Image(body(), np.eye(4)).to_bytes()):
        assert read(same).digest == read(data).digest
    noise = nifti(np.random.default_rng(0).integers(0, 2**15, (50, 50, 40)).astype(np.int16))
    packed = gzip.compress(noise)
    assert read(packed).digest == read(noise).digest  # longer than what is unpacked together
    assert "is cut off" in refusal(packed[:-1000], NAME)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"dim": [3, 30000, 30000, 30000, 1, 1, 1, 1]}, "30000 × 30000 × 30000 voxels"),
        ({"dim": [7, 30000, 30000, 30000, 30000, 30000, 30000, 30000]}, "at most 250 MB"),
        ({"dim": [3, -6, 7, 8, 1, 1, 1, 1]}, "less than nothing"),
        ({"dim": [3, 0, 7, 8, 1, 1, 1, 1]}, "holds no values"),
        ({"dim": [5, 6, 7, 2, 2, 2, 1, 1]}, "more than four dimensions"),
        ({"dim": [0, 6, 7, 8, 1, 1, 1, 1]}, "."),
        ({"dim": [99, 6, 7, 8, 1, 1, 1, 1]}, "at most 250 MB"),
        ({"dim": [3, 7, 7, 8, 1, 1, 1, 1]}, "cut off"),
        ({"dim": [1, 336, 1, 1, 1, 1, 1, 1]}, ""),
        *(({"datatype": code}, "damaged") for code in (1, 31337)),
        *(({"vox_offset": at}, "begin nowhere") for at in (-5, np.inf, np.nan)),
        ({"vox_offset": 2e8}, "cut off"),
    ],
)
def test_a_header_that_cannot_be_is_one_sentence(header, said):
    data = nifti(body(), **header)
    if said:
        assert said in refusal(data, NAME)
    else:
        load(data).picture()


def test_a_volume_with_a_side_beyond_the_bound_and_a_wrong_magic_are_refused():
    assert "more than 20000 voxels" in refusal(nifti(np.zeros((1, 20_001, 1), np.int16)), NAME)
    data = bytearray(nifti(body()))
    data[344:348] = b"nope"
    assert "named like a NIfTI scan but does not begin like one" in refusal(bytes(data), NAME)
    data[344:348] = b"ni1\0"
    assert "header of a scan in two files" in refusal(bytes(data), NAME)


def test_a_gzip_bomb_is_unpacked_no_further_than_its_header_says():
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = packer.compress(nifti(body()))
    bomb += b"".join(packer.compress(bytes(10_000_000)) for _ in range(40)) + packer.flush()
    assert len(bomb) < 1_000_000
    assert read(bomb).digest == read(nifti(body())).digest


def test_parts_of_a_gzip_file_are_counted_and_no_byte_more_is_unpacked(monkeypatch):
    monkeypatch.setattr(nifti_file, "MOST_MEMBERS", 1)  # besides the first
    parts = [gzip.compress(part) for part in (b"ab", b"cd", b"ef")]
    assert nifti_file.inflated(b"".join(parts), 3) == b"abc"
    with pytest.raises(BadImage, match="more than 1 parts"):
        nifti_file.inflated(b"".join(parts), 5)


def test_cut_and_changed_files_are_read_or_refused_but_never_crash():
    whole = nifti(body())
    packed = gzip.compress(whole)
    assert is_read(whole, NAME)
    assert is_read(packed, NAME)
    assert not any(is_read(whole[:at], NAME) for at in range(0, len(whole), 23))
    cut = [packed[:at] for at in range(0, len(packed), 23)]
    readable = [data for data in cut if is_read(data, NAME)]
    assert len(readable) < len(cut) / 10
    for data in readable:  # where no more than gzip's own checksum is missing
        assert read(data).digest == read(packed).digest
    assert 20 < reads_of_changed(whole, NAME, 0, 348, seed=11) < 380  # some bytes do no harm


def test_no_header_is_kept_or_logged(caplog, capfd):
    caplog.set_level(logging.DEBUG)
    scan = load(nifti(body(), pixdim=[0, 0, 0, 0, 0, 0, 0, 0], qform_code=1))  # nibabel would log
    picture = scan.picture()
    traces = [repr(vars(scan)), repr(vars(picture))]
    traces += [*picture.notes, caplog.text, *capfd.readouterr()]
    assert not any(secret in text for text in traces for secret in SECRETS)
    assert not caplog.text
