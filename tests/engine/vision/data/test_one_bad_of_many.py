"""One bad file in many is left out and named, whichever way it is bad and whoever reads it."""

from dataclasses import replace

import numpy as np
import pytest

from engine.core.errors import BadData, Cancelled
from engine.sweep.work import LastCase
from engine.unlearning.brought import of_zip
from engine.unlearning.protection.own_folders import protected_folders
from engine.unlearning.protection.own_set import own_set
from engine.vision.data import nova
from engine.vision.data.folders import read_folders
from engine.vision.images import reading
from tests.engine.unlearning.protection.test_own_folders import CHANGE
from tests.engine.vision.data import nova_files
from tests.engine.vision.data.bad_members import BAD, zip_with
from tests.hostile.archives import zipped

BAD_FILE = "dog/1.png"


def png(at: int) -> bytes:
    """A picture of random pixels, so that it does not pack to nothing."""
    pixels = np.random.default_rng(at).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    return nova_files.png(pixels)


PATHS = [f"{name}/{at}.png" for name in ("cat", "doge", "dog") for at in range(3)]
FILES = {path: png(at) for at, path in enumerate(PATHS)}


def reader(**how):
    def read(data):
        result = read_folders(data, "a.zip", **how)
        return len(result.data), result.skipped

    return read


def protected(data):
    result = protected_folders(data, "a.zip", CHANGE)
    return result.count, result.skipped


def noise_for_a_set(data):
    result = own_set(data, "a.zip", 16)
    return len(result.data), result.skipped


def to_be_forgotten(data):
    learned = read_folders(zipped(FILES), "a.zip", side=16).data
    result = of_zip(replace(learned, split=np.zeros(len(learned), np.uint8)), data)
    return len(result.request.ids), result.skipped


READERS = {
    "folders": reader(side=16),
    "classless": reader(side=16, classless=True),
    "pieces": reader(side=8, classless=True, pieces=1),
    "protected": protected,
    "noise for a set": noise_for_a_set,
    "to be forgotten": to_be_forgotten,
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("kind", BAD)
def test_the_good_ones_arrive_and_the_bad_one_is_named(read, kind):
    count, skipped = read(zip_with(FILES, BAD_FILE, kind))
    assert count == len(FILES) - 1
    assert [skipped_file.file for skipped_file in skipped] == [BAD_FILE]
    assert skipped[0].reason[0].isupper() or skipped[0].reason.startswith("“")
    assert skipped[0].reason.endswith(".")


ERRORS = [OverflowError("too large"), TypeError("x"), KeyError("x"), ZeroDivisionError()]
ERRORS += [MemoryError(), RecursionError(), UnicodeDecodeError("a", b"", 0, 1, "b")]


@pytest.mark.parametrize("read", [*READERS.values()][:-1], ids=[*READERS][:-1])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_whatever_a_decoder_raises_is_one_file_s_fault(read, error, monkeypatch):
    check = reading.check

    def failing(data, kind, called):
        if called.strip("“”") == "1.png" and data == FILES[BAD_FILE]:
            raise error
        check(data, kind, called)

    monkeypatch.setattr(reading, "check", failing)
    count, skipped = read(zipped(FILES))
    assert count == len(FILES) - 1
    assert [skipped_file.file for skipped_file in skipped] == [BAD_FILE]
    what = "needs more memory" if isinstance(error, MemoryError) else "is damaged"
    assert what in skipped[0].reason


def test_a_table_of_boxes_goes_on_after_a_file_that_makes_its_decoder_fail(monkeypatch):
    rows = [nova_files.row(at, [nova_files.box(1, 1, 5, 5)]) for at in range(4)]
    content = nova_files.files(rows, [np.full((20, 20), 40 * at, np.uint8) for at in range(4)])
    read, names = nova.read, []

    def failing(data, name):
        names.append(name)
        if len(names) == 2:
            raise OverflowError("too large")
        return read(data, name)

    monkeypatch.setattr(nova, "read", failing)
    result = nova.read_nova(zipped(content))
    assert len(result.data) == 3
    assert len(result.skipped) == 1


def test_a_person_who_no_longer_waits_ends_the_reading():
    def stop(*_):
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        read_folders(zipped(FILES), progress=stop)


def test_a_zip_of_nothing_good_says_why_and_a_summary_counts_classes_and_sizes():
    with pytest.raises(BadData, match="locked with a password"):
        read_folders(zip_with({"cat/1.png": png(1)}, "cat/1.png", "locked"))
    result = read_folders(zip_with(FILES, BAD_FILE, "garbled"), "a.zip", side=16)
    assert result.summary == (
        "8 images of 3 classes (cat 3, dog 2, doge 3), 16 × 16 px, from pictures of 20 × 20 px. "
        "1 file was left out."
    )


def test_the_questions_after_a_faulty_image_are_not_answered_with_another_one_s():
    class Named:
        @classmethod
        def read(cls, arguments):
            if arguments["image"] == "faulty":
                raise OverflowError("too large")
            return f"the case of the {arguments['image']} image"

    last = LastCase()
    assert last.of(Named, {"image": "good"}) == "the case of the good image"
    for _ in range(2):
        with pytest.raises(OverflowError):
            last.of(Named, {"image": "faulty"})
