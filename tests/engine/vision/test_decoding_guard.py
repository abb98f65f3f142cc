"""Whatever foreign bytes make our own code raise becomes one sentence, at every door."""

import logging
import struct
import zlib

import numpy as np
import pytest

from engine.core.errors import BadData, BadImage, BadSetting
from engine.vision.data import archive
from engine.vision.data.folders import read_folders
from engine.vision.decoding_guard import decoding_guard
from engine.vision.images import SliceChoice, load, nifti, reading
from engine.vision.images import large as large_images
from engine.vision.images.large import open_large
from engine.vision.images.tiff_entries import MOST_TAGS, tiff_entries, whole_numbers
from tests import scans
from tests.hostile.archives import zipped
from tests.hostile.pictures import pointing_tiff, saved
from tests.scans import PATIENT

RAISED = [
    AssertionError, AttributeError, EOFError, IndexError, KeyError, MemoryError, OSError,
    NotImplementedError, OverflowError, RecursionError, RuntimeError, StopIteration, TypeError,
    ValueError, ZeroDivisionError, struct.error, zlib.error,
]  # fmt: skip
SMALL = {"size": (24, 20)}


def raising(error):
    """A parser that fails, and repeats what it read."""

    def parser(*args, **kwargs):
        raise error(PATIENT)

    return parser


def refused(door, refusal=BadImage):
    """The sentence that a door refuses with."""
    with pytest.raises(refusal) as caught:
        door()
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert PATIENT not in message
    assert caught.value.__cause__ is None  # no log of it has what the parser said
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return message


@pytest.mark.parametrize("error", RAISED)
def test_whatever_a_parser_raises_is_one_sentence_at_every_door(monkeypatch, error, caplog):
    scan = load(scans.nifti(np.arange(336, dtype=np.int16).reshape(6, 7, 8)), "a.nii")
    monkeypatch.setattr(nifti, "UPRIGHT", {})  # raises a KeyError of its own, in a cut
    assert refused(scan.picture).startswith("This NIfTI scan ")
    for module, name in ((reading, "check"), (large_images, "check"), (archive, "check_directory")):
        monkeypatch.setattr(module, name, raising(error))
    assert refused(lambda: load(saved("PNG", **SMALL), "a.png")).startswith("“a.png” ")
    assert refused(lambda: open_large(saved("TIFF", **SMALL), "a.tif")).startswith("“a.tif” ")
    if not issubclass(error, OSError):  # that the disk has failed is said as such
        refused(lambda: read_folders(zipped({"a/1.png": b"x"}), "a.zip"), BadData)
    assert error.__name__ in caplog.text
    assert PATIENT not in caplog.text


def test_the_log_has_the_place_in_our_code_for_it_may_be_a_mistake_of_ours(caplog, monkeypatch):
    monkeypatch.setattr(reading, "kind", lambda data: data.nothing_like_this)
    with caplog.at_level(logging.WARNING):
        refused(lambda: load(b"x", "a.png"))
    assert "AttributeError at vision/images/reading.py:" in caplog.text


def test_sentences_for_the_person_pass_as_they_are_and_so_does_what_ends_a_run():
    scan = load(scans.dicom(scans.ramp()), "a.dcm")
    with pytest.raises(BadSetting, match="There is no slice 8"):
        scan.picture(SliceChoice(slice=7))
    with pytest.raises(KeyboardInterrupt), decoding_guard("“a”"):
        raise KeyboardInterrupt


PLACES = [0, 1, 7, 8, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_that_points_anywhere_is_refused_in_a_sentence_and_its_neighbors_are_read(
    order, big, place
):
    good = saved("PNG", **SMALL)
    wrong = ({"page": place}, {"length": place}, {"length": 2, "place": place})
    files = [pointing_tiff(order, big, **where) for where in wrong]
    for data in files:
        refused(lambda data=data: load(data, "a.tif"))
        refused(lambda data=data: open_large(data, "a.tif"))
    mixed = {f"a/{at}.tif": data for at, data in enumerate(files)}
    folders = read_folders(zipped(mixed | {"a/x.png": good, "b/x.png": good}), "a.zip", 16)
    assert len(folders.data) == 2
    assert [skipped_file.file for skipped_file in folders.skipped] == list(mixed)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_entries_have_the_values_that_the_file_has_and_those_cut_off_are_left_out(order, big):
    place = len(pointing_tiff(order, big, length=3, place=0))
    numbers = struct.pack(order + "III", 5, 2**32 - 1, 7)
    data = pointing_tiff(order, big, length=3, place=place) + numbers
    (entry,) = tiff_entries(data)
    assert (entry.tag, entry.size, entry.place) == (273, 12, place)
    assert whole_numbers(data, entry) == (5, 2**32 - 1, 7)
    assert whole_numbers(data[:-5], entry) == (5,)
    (short,) = tiff_entries(pointing_tiff(order, big, length=1, place=9))
    assert whole_numbers(pointing_tiff(order, big, length=1, place=9), short) in {(9,), (0,)}
    assert tiff_entries(data[:20]) == []
    head = data[: data.index(struct.pack(order + "HH", 273, 4))]
    counted = head[: -8 if big else -2] + struct.pack(order + ("Q" if big else "H"), 65535)
    assert len(tiff_entries(counted + bytes(2_000_000))) == MOST_TAGS + 1
