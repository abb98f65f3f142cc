"""DICOM: what is read, what is refused in one sentence, and that no header is ever repeated."""

import gc
import logging
import sys
import warnings
import zlib
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset, uid
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders import RLELosslessEncoder

from engine.core.errors import BadImage, BadSetting
from engine.vision.images import SliceChoice, Window, dicom_pixels, load, read
from engine.vision.images.dicom_pixels import FAMILIES
from engine.vision.images.kinds import DICOM, kind
from tests.engine.vision.images.outcome import counts, is_read, reads_of_changed, refusal
from tests.scans import AXIAL, SAGITTAL, SECRETS, dataset, dicom, lut, ramp, written

SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"
NAME = "a.dcm"
READ, REFUSED = 83, 93  # of pydicom 3.0's own files; counted anew by the test below


def test_every_file_that_pydicom_ships_is_read_or_refused_with_a_sentence():
    read_well, refused = counts(SHIPPED, NAME)
    if pydicom.__version__.startswith("3.0."):
        assert (read_well, refused) == (READ, REFUSED)
    assert read_well > 70


@pytest.mark.parametrize("syntax", ["RLE", "bigendian", "implicit", "jp2klossless", "padded"])
def test_one_image_in_many_syntaxes_is_one_picture(syntax):
    assert read(SHIPPED / f"MR_small_{syntax}.dcm").digest == read(SHIPPED / "MR_small.dcm").digest


def test_values_are_those_of_pydicom_after_rescaling():
    header = pydicom.dcmread(SHIPPED / "CT_small.dcm")
    behind = read(SHIPPED / "CT_small.dcm").behind
    rescaled = header.pixel_array.astype(float) + float(header.RescaleIntercept)
    is_finite = np.isfinite(behind.values)
    assert np.array_equal(behind.values[is_finite], rescaled[is_finite])
    assert (behind.unit, behind.step) == ("HU", 1.0)
    assert astuple(behind.edges) == ("R", "L", "A", "P")


def test_colors_of_every_sort():
    rgb = read(SHIPPED / "examples_rgb_color.dcm")
    stored = pydicom.dcmread(SHIPPED / "examples_rgb_color.dcm").pixel_array
    assert np.array_equal(rgb.pixels, stored)
    assert rgb.behind.values is None
    assert rgb.notes[-1] == "orientation unknown"
    deep = read(SHIPPED / "SC_rgb_rle_16bit.dcm").pixels
    assert np.array_equal(deep, read(SHIPPED / "SC_rgb_rle.dcm").pixels)
    palette = pydicom.dcmread(SHIPPED / "examples_palette.dcm")
    expected = pydicom.pixels.apply_color_lut(palette.pixel_array, palette) >> 8
    assert np.array_equal(read(SHIPPED / "examples_palette.dcm").pixels, expected)
    film = load(SHIPPED / "examples_ybr_color.dcm")
    assert film.frames == 30
    assert not np.array_equal(film.picture(SliceChoice(slice=29)).pixels, film.picture().pixels)


def frames(count=5):
    return np.stack([np.full((8, 8), 10 * frame, np.uint8) for frame in range(count)])


def test_a_file_of_frames_opens_at_the_middle_and_gives_each():
    scan = load(dicom(frames()))
    assert scan.planes == ("frame",)
    assert scan.count("frame") == 5
    assert scan.notes == ()
    assert scan.picture().behind.values[0, 0] == 20
    names = [preset.name for preset in scan.presets]
    assert names == ["All of 8 bits", "Middle 98 %", "Full range"]
    first_pixels = [scan.picture(SliceChoice(slice=at)).behind.values[0, 0] for at in range(5)]
    assert first_pixels == [0, 10, 20, 30, 40]
    with pytest.raises(BadSetting, match="no slice 6"):
        scan.picture(SliceChoice(slice=5))
    with pytest.raises(BadSetting, match="no axial plane"):
        scan.picture(SliceChoice("axial"))


def test_only_the_frame_that_is_asked_for_is_decoded():
    dicom_dataset = dataset(frames(3), uid.RLELossless)
    how = dict.fromkeys(("rows", "columns", "bits_allocated", "bits_stored"), 8)
    how |= {"samples_per_pixel": 1, "number_of_frames": 1, "pixel_representation": 0}
    how |= {"photometric_interpretation": "MONOCHROME2", "transfer_syntax_uid": uid.RLELossless}
    parts = [RLELosslessEncoder.encode(frame, **how) for frame in frames(3)]
    parts[2] = b"\x07" * 64  # broken
    dicom_dataset.PixelData = encapsulate(parts)
    scan = load(written(dicom_dataset))
    assert scan.picture(SliceChoice(slice=0)).behind.values[0, 0] == 0
    with pytest.raises(BadImage, match="cannot be decoded"):
        scan.picture(SliceChoice(slice=2))


@pytest.mark.parametrize("said", [9, 2**31 - 1])
def test_frames_that_are_missing_are_not_offered_and_that_is_said(said):
    scan = load(dicom(frames(), NumberOfFrames=said))
    assert scan.frames == 5
    assert scan.picture().notes[0] == f"the file says that it has {said} frames and holds 5"


def test_numbers_of_each_frame_are_used():
    dicom_dataset = dataset(frames(2))
    dicom_dataset.PerFrameFunctionalGroupsSequence = [group(1, 2.0), group(3, 4.0)]
    dicom_dataset.SharedFunctionalGroupsSequence = [shared()]
    scan = load(written(dicom_dataset))
    first, second = (scan.picture(SliceChoice(slice=at)).behind for at in (0, 1))
    assert (first.values[0, 0], second.values[0, 0]) == (1, 23)
    assert second.window == Window(3, 4)
    assert astuple(second.edges) == ("A", "P", "H", "F")


def group(intercept, width):
    frame_group = Dataset()
    frame_group.PixelValueTransformationSequence = [Dataset()]
    frame_group.PixelValueTransformationSequence[0].RescaleSlope = 2
    frame_group.PixelValueTransformationSequence[0].RescaleIntercept = intercept
    frame_group.FrameVOILUTSequence = [Dataset()]
    frame_group.FrameVOILUTSequence[0].WindowCenter = intercept
    frame_group.FrameVOILUTSequence[0].WindowWidth = width
    return frame_group


def shared():
    shared_group = Dataset()
    shared_group.PlaneOrientationSequence = [Dataset()]
    shared_group.PlaneOrientationSequence[0].ImageOrientationPatient = SAGITTAL
    return shared_group


def test_monochrome1_is_turned_padding_is_black_and_bits_are_read():
    wide = {"WindowCenter": 0, "WindowWidth": 1000}
    plain = read(dicom(ramp(), **wide))
    turned = read(dicom(ramp(), **wide, PhotometricInterpretation="MONOCHROME1"))
    assert np.abs(plain.pixels.astype(int) + turned.pixels - 255).max() <= 1
    assert np.array_equal(plain.behind.values, turned.behind.values)
    assert turned.behind.inverted
    pixels = ramp()
    pixels[:2] = -2000
    picture = read(dicom(pixels, PixelPaddingValue=-2000, WindowCenter=-2000, WindowWidth=100))
    assert np.isnan(picture.behind.values[:2]).all()
    assert not picture.pixels[:2].any()
    assert picture.notes[0] == "12 % of it has no value and is black"
    implicit = dataset(pixels, uid.ImplicitVRLittleEndian, PixelPaddingValue=-2000)
    assert np.isnan(read(written(implicit)).behind.values[:2]).all()
    large = (2**24 + np.arange(64, dtype=np.uint32)).reshape(8, 8)  # float32 has every other one
    result = read(dicom(large, RescaleSlope=2, RescaleIntercept=-(2**25))).behind.values
    assert np.array_equal(result.ravel(), 2 * np.arange(64))
    assert read(dicom(ramp(), RescaleSlope=-2, RescaleIntercept=0)).behind.step == 2
    values = np.linspace(-1.5, 2.5, 64, dtype=np.float32).reshape(8, 8)
    values[0, 0] = np.inf
    behind = read(dicom(values)).behind
    assert np.isnan(behind.values[0, 0])
    assert np.array_equal(behind.values.ravel()[1:], values.ravel()[1:])
    assert set(np.unique(read(SHIPPED / "liver_1frame.dcm").pixels)) == {0, 255}


def test_pixels_are_shown_square_and_a_window_of_the_view_makes_another_picture():
    picture = read(dicom(ramp(), PixelSpacing=[2.0, 0.5]))
    assert picture.pixels.shape[:2] == (64, 16)
    assert picture.behind.values.shape == (64, 16)
    assert picture.behind.values.max() <= 1000
    assert "stretched to square pixels, as the file's spacing asks" in picture.notes
    assert read(dicom(ramp(), PixelAspectRatio=[1, 2])).pixels.shape[:2] == (16, 32)
    for wrong in ([0, 1], [1, 1e9], [-1, 1]):
        assert read(dicom(ramp(), PixelSpacing=wrong)).pixels.shape[:2] == (16, 16)
    data = dicom(ramp(), ImageOrientationPatient=AXIAL)
    narrow = read(data, view=SliceChoice(window=Window(0, 10)))
    assert narrow.digest != read(data).digest
    assert set(np.unique(narrow.pixels[:7])) == {0}
    assert set(np.unique(narrow.pixels[9:])) == {255}


@pytest.mark.filterwarnings("ignore:Invalid value for VR")  # while the file is written
@pytest.mark.parametrize(
    "header",
    [
        {"WindowCenter": [], "WindowWidth": []},
        {"WindowCenter": 40, "WindowWidth": 0},
        {"WindowCenter": 40, "WindowWidth": -5},
        {"RescaleSlope": 0, "RescaleIntercept": 0},
        {"VOILUTSequence": [Dataset()]},
        {"VOILUTFunction": "MADE_UP", "WindowCenter": 4, "WindowWidth": 4},
        {"ImageOrientationPatient": [1, 1, 1, 1, 1, 1]},
        {"PatientOrientation": ["Jane", "Doe"]},
    ],
)
def test_a_header_that_makes_no_sense_does_not_hide_the_image(header):
    picture = read(dicom(ramp(), **header))
    assert picture.pixels.min() == 0
    assert picture.pixels.max() == 255
    assert np.array_equal(picture.behind.values, ramp())
    assert "orientation unknown" in picture.notes


def packed(syntax, piece):
    dicom_dataset = dataset(ramp(), syntax)
    dicom_dataset.PixelData = encapsulate([piece])
    return written(dicom_dataset)


def of_another_size():
    siz = b"\xff\x4f\xff\x51\x00\x29\x00\x00" + b"\x00\x00\xff\xff" * 2 + bytes(8) + bytes(60)
    return packed(uid.JPEG2000Lossless, siz)


def empty_pieces():
    """Millions of them, which nobody walks through."""
    pieces = b"\xfe\xff\x00\xe0\0\0\0\0" * 1_000_000
    dicom_dataset = dataset(frames(1), uid.RLELossless, PixelData=pieces)
    dicom_dataset["PixelData"].VR = "OB"
    dicom_dataset["PixelData"].is_undefined_length = True
    return written(dicom_dataset)


def deflated_bomb():
    content = written(dataset(ramp(), uid.DeflatedExplicitVRLittleEndian))
    assert load(content).frames == 1
    start = 144 + int.from_bytes(content[140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(packer.compress(bytes(10_000_000)) for _ in range(12)) + packer.flush()
    return content[:start] + bomb


def of_unknown_syntax():
    return written(dataset(ramp())).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.99999.1.2.1\0")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        ((SHIPPED / "test-SR.dcm").read_bytes, "without an image"),
        ((SHIPPED / "dicomdirtests/DICOMDIR").read_bytes, "index of a DICOM disc"),
        (lambda: written(dataset(ramp(), PixelData=None)), "without an image"),
        (of_unknown_syntax, "not known here"),
        (lambda: packed(uid.JPEGLossless, b"\xff\xd8\xff\xd9"), "lossless JPEG"),
        (lambda: packed(uid.MPEG2MPML, b"\xff\xd8\xff\xd9"), "an MPEG-2 film"),
        (of_another_size, "another size"),
        (empty_pieces, "more than 100000 pieces of data"),
        (deflated_bomb, "unpacks to more than"),
        (lambda: b"\x00\x01\x02" * 100, "does not begin like one"),  # a name makes no scan
    ],
)
def test_what_holds_no_image_that_can_be_decoded_is_refused(make, words):
    assert words in refusal(make(), NAME)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        *(({"Rows": rows}, "how many rows and columns") for rows in (None, 0)),
        ({"Rows": 65535, "Columns": 65535}, "has 65535 × 65535 px a frame, 4,295 million"),
        ({"Rows": 17}, "cut off"),
        *(({"BitsAllocated": bits}, "unusual number of bits") for bits in (12, 0)),
        ({"PhotometricInterpretation": None}, "gray or color"),
        ({"PhotometricInterpretation": "CMYK"}, "colors of a rare kind"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "cannot be decoded"),
        ({"SamplesPerPixel": 0}, "damaged"),
        *(({"PixelRepresentation": sign}, "cannot be decoded") for sign in (None, 7)),
        ({"BitsStored": 99}, "cannot be decoded"),
        ({"PixelData": b""}, "without an image"),
    ],
)
def test_inconsistent_headers_are_one_sentence(header, words):
    assert words in refusal(dicom(ramp(), **header), NAME)


@pytest.mark.parametrize("last", [201, 202, 203, 204, 205])
def test_high_throughput_jpeg_2000_is_called_a_link_only_where_it_is_one(last, monkeypatch):
    def no_decoder(syntax):
        raise NotImplementedError(syntax)

    monkeypatch.setattr(dicom_pixels, "get_decoder", no_decoder)
    with pytest.raises(BadImage, match="HTJ2K") as caught:
        dicom_pixels.check_syntax(f"1.2.840.10008.1.2.4.{last}", 8)
    assert ("by reference" in str(caught.value)) == (last > 203)


def test_every_family_of_syntaxes_is_found_by_its_own_words():
    starts = [start for start, _ in FAMILIES]
    for at, start in enumerate(starts):  # a later one is never hidden by an earlier, shorter one
        assert not any(start.startswith(other) for other in starts[:at])


def test_cut_and_changed_files_are_read_or_refused_but_never_crash():
    whole = bytearray(dicom(ramp(), ImageOrientationPatient=AXIAL, WindowCenter=1, WindowWidth=9))
    start = whole.index(b"PNDoe"[:2], 132)
    assert is_read(bytes(whole), NAME)
    cut = [is_read(bytes(whole[:length]), NAME) for length in range(0, len(whole), 37)]
    assert not any(cut)  # the pixels come last, and a part of them is no image
    # some bytes do no harm
    assert 20 < reads_of_changed(whole, NAME, 132, min(len(whole), start + 700), seed=7) < 380


def test_dicom_without_a_preamble_is_recognized_and_what_only_begins_like_it_is_not():
    whole = written(dataset(ramp(), uid.ImplicitVRLittleEndian))
    bare = whole[whole.index(b"\x08\x00\x16\x00", 144 + int(whole[140])) :]
    assert kind(bare) == DICOM
    assert read(bare).digest == read(whole).digest
    explicit = dicom(ramp())
    bare = explicit[explicit.index(b"\x08\x00\x16\x00UI") :]
    assert kind(bare) == DICOM
    assert read(bare).digest == read(explicit).digest
    others = [start + bytes(40) for start in (b"\x08\0", b"\x02\0\0\0XX")]
    for other in (b"\x08\0", b"\x08\0\x05\0CS\x04\0abcd", *others):
        assert kind(other) != DICOM


@pytest.mark.filterwarnings("ignore:Invalid value for VR")  # while the file is written
def test_no_header_is_kept_logged_warned_of_or_shown(caplog, capfd):
    caplog.set_level(logging.DEBUG)
    dicom_dataset = dataset(ramp(), ModalityLUTSequence=[lut(np.arange(256), 0, 16)])
    dicom_dataset.ModalityLUTSequence[0].ModalityLUTType = "Doe^Jane"
    dicom_dataset.add_new(0x00080012, "DA", "Jane Doe's day")  # no date, of which pydicom warns
    dicom_dataset.WindowCenter, dicom_dataset.WindowWidth = 40, 400
    dicom_dataset.WindowCenterWidthExplanation = "Doe^Jane"
    dicom_dataset.add_new(0x00091001, "LO", "Doe^Jane")
    data = written(dicom_dataset)
    caplog.clear()  # what was said while the file was written
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scan = load(data, "a.dcm")
        picture = scan.picture()
    del dicom_dataset
    gc.collect()
    traces = [repr(vars(scan)), repr(vars(picture)), repr(picture.behind.presets)]
    traces += [*picture.notes, caplog.text, *capfd.readouterr(), *(str(w.message) for w in caught)]
    traces += [scan.pixels.tobytes().hex(), decoded(scan.kept["header"])]
    assert not any(secret in text for text in traces for secret in SECRETS)
    assert not any(secret.encode().hex() in text for text in traces for secret in SECRETS)


def decoded(header):
    """The binary values of a header that is kept as words, in hexadecimal."""
    values = [element.value for element in Dataset.from_json(header).iterall()]
    return " ".join(value.hex() for value in values if isinstance(value, bytes))


def test_the_reader_imports_nothing_that_the_app_does_not_need():
    assert not any(name in sys.modules for name in ("gdcm", "libjpeg", "jpeg_ls"))
