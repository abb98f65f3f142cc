"""A zip from a stranger becomes a data set or one sentence, and never more than it says."""

import contextlib
import io
import stat
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from engine.core.errors import BadData
from engine.vision.data import load
from engine.vision.data.archive import open_archive
from engine.vision.data.folders import read_folders
from engine.vision.data.registry import add
from tests.engine.vision.data.bad_members import damaged
from tests.hostile.archives import zipped
from tests.in_memory import written


def png(color=(200, 10, 10), size=(40, 30), kind="PNG"):
    return written(Image.new("L" if isinstance(color, int) else "RGB", size, color).save, kind)


def two(extra=()):
    files = {f"cat/{n}.png": png((200, n, 10)) for n in range(10)}
    files |= {f"dog/{n}.png": png((10, n, 200)) for n in range(10)}
    return files | dict(extra)


def test_each_folder_is_a_class_and_a_file_on_the_disk_is_read_like_one_in_memory(tmp_path):
    data = read_folders(zipped(two()), "pets.zip", side=16).data
    assert data.classes == ("cat", "dog")
    assert data.images.shape == (20, 3, 16, 16)
    assert (data.images[data.labels == 0, 0] == 200).all()
    assert (data.images[data.labels == 1, 2] == 200).all()
    assert [len(data.rows(split)) for split in ("train", "validation", "test")] == [14, 2, 4]
    assert data.card.title == "pets"
    (tmp_path / "pets.zip").write_bytes(zipped(two()))
    data = read_folders(tmp_path / "pets.zip").data
    assert data.fingerprint == read_folders(zipped(two())).data.fingerprint
    with pytest.raises(BadData, match=r"“no\.zip” cannot be opened"):
        read_folders(tmp_path / "no.zip")


def test_without_classes_one_folder_or_none_is_enough():
    files = {f"scans/{n}.png": png(90 + n) for n in range(6)}
    with pytest.raises(BadData, match="one class only"):
        read_folders(zipped(files))
    assert read_folders(zipped(files), classless=True).data.classes == ("scans",)
    loose = {f"{n}.png": png(90 + n) for n in range(6)}
    assert read_folders(zipped(loose), classless=True).data.classes == ("images",)
    mixed = read_folders(zipped(files | loose), classless=True).data
    assert mixed.classes == ("images", "scans")
    assert len(mixed) == 12
    assert mixed.images.shape[1] == 1  # gray stays gray
    assert len(read_folders(zipped({"1.png": png()}), classless=True).data) == 1


def test_large_pictures_give_squares_at_their_own_resolution_held_out_together():
    """Each picture has its own gray and a number at each pixel, which squares keep as they are."""
    files = {}
    for at in range(10):
        pixels = np.indices((1300, 2500)).sum(0) % 16 + 20 * at
        files[f"{at}.png"] = written(Image.fromarray(pixels.astype(np.uint8)).save, "PNG")
    result = read_folders(zipped(files), side=100, classless=True, pieces=6).data
    assert result.images.shape == (60, 1, 100, 100)
    source = (result.images[:, 0].reshape(60, -1).min(1) // 20).astype(int)
    assert np.bincount(source).tolist() == [6] * 10
    for square in result.images[:, 0].astype(int):
        assert (np.diff(square % 20, axis=1) % 16 == 1).all()
    assert all(len(set(result.split[source == at])) == 1 for at in range(10))
    assert set(result.split) == {0, 1, 2}
    assert len(set(result.ids)) == 60
    assert len(np.unique(result.truth["group"])) == 10  # each counts once where images must differ
    assert all(len(set(result.truth["group"][source == at])) == 1 for at in range(10))
    with pytest.raises(BadData, match="has one picture"):
        read_folders(zipped({"a.png": files["1.png"]}), side=100, classless=True, pieces=6)
    with pytest.raises(BadData, match="or do not cut them"):
        read_folders(zipped(files), side=512, classless=True, pieces=200)
    small = zipped({"a.png": png(), "b.png": png()})
    assert len(read_folders(small, side=64, classless=True, pieces=6).data) == 2


def test_what_was_brought_is_found_again_by_its_name_and_takes_variants():
    data = read_folders(zipped(two())).data
    assert load(add(data)) is data
    assert load(f"{data.name}+noisy:share=0.5").truth["clean_label"].sum() == 10
    assert read_folders(zipped(two())).data.name == data.name
    with pytest.raises(BadData, match="another session"):
        load("upload-000000000000")


@pytest.mark.parametrize("root", ["", "set/", "a/b/"])
def test_a_folder_around_everything_is_looked_through(root):
    files = {f"{root}{name}": data for name, data in two().items()}
    assert read_folders(zipped(files)).data.classes == ("cat", "dog")


def test_folders_inside_a_class_belong_to_it_and_split_folders_are_splits():
    files = two({"cat/2023/may/x.png": png(), "dog/old/y.png": png()})
    assert len(read_folders(zipped(files)).data) == 22
    files = {f"set/Train/{name}": data for name, data in two().items()}
    files |= {f"set/test/{c}/a.png": png() for c in ("cat", "dog")}
    data = read_folders(zipped(files)).data
    assert data.classes == ("cat", "dog")
    assert [len(data.rows(split)) for split in ("train", "validation", "test")] == [20, 0, 2]


def test_what_cannot_be_read_is_skipped_and_listed_and_other_ids_stay():
    bad = {"cat/broken.png": png()[:60], "cat/notes.txt": b"these are cats", "loose.png": png()}
    unseen = dict.fromkeys(("__MACOSX/cat/._0.png", "cat/.DS_Store", "dog/Thumbs.db"), b"x")
    folders = read_folders(zipped(two(bad | unseen | {"dog/empty.jpg": b""})))
    assert len(folders.data) == 20
    reasons = {skipped_file.file: skipped_file.reason for skipped_file in folders.skipped}
    assert set(reasons) == {*bad, "dog/empty.jpg"}
    assert reasons["loose.png"] == "It lies in no class folder."
    assert "empty" in reasons["dog/empty.jpg"]
    files = two()
    whole = read_folders(zipped(files)).data
    files["cat/3.png"] = b"no picture"
    result = read_folders(zipped(files)).data
    assert set(whole.ids) - set(result.ids) == {3}
    assert (result.images == whole.images[whole.places(result.ids)]).all()


HELD_OUT = ("test/a/x.png", "test/b/y.png", "val/a/z.png")


def link():
    entry = zipfile.ZipInfo("cat/link.png")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    buffer = io.BytesIO(zipped(two()))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


def claiming(size):
    """A zip of a million zeros whose member says that it unpacks to so many bytes."""
    data = bytearray(zipped({"cat/0.png": bytes(10**6)}))
    for at in (data.index(b"PK\x03\x04") + 22, data.rindex(b"PK\x01\x02") + 24):
        assert struct.unpack("<I", data[at : at + 4])[0] == 10**6
        data[at : at + 4] = struct.pack("<I", size)
    return bytes(data)


def locked():
    """A zip of two files that want a password."""
    data = bytearray(zipped({"cat/a.png": png(), "dog/a.png": png()}))
    for at in (data.index(b"PK\x01\x02") + 8, data.rindex(b"PK\x01\x02") + 8):
        data[at] |= 1
    return bytes(data)


OUTSIDE = ["../x.png", "cat/../../x.png", "/etc/x.png", r"C:\x.png", r"cat\..\..\x", r"\\h\s\x"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        *(
            (lambda path=path: zipped(two({path: png()})), "outside its folder: nothing was read")
            for path in OUTSIDE
        ),
        (link, r"holds the link “cat/link\.png”"),
        (lambda: claiming(2**32 - 2), r"unpacks to 4\.3 GB, and at most 2 GB"),
        (  # the sum counts, not the file: a hundred would be 10 GB
            lambda: zipped({f"cat/{n}.png": bytes(3 * 10**6) for n in range(40)}),
            "times its size, as pictures never do",
        ),
        (lambda: claiming(100), "no picture that can be read"),
        (locked, "locked with a password"),
        *(
            (lambda data=data: data, "not a zip archive")
            for data in (b"", b"PK", b"\x89PNG no zip", b"PK\x03\x04" + bytes(100))
        ),
        (lambda: zipped({"cat/a.png": png(), "cat/b.png": png()}), "one class only, “cat”"),
        (lambda: zipped({"a.png": png(), "b.png": png()}), "can be read in a class folder"),
        (lambda: zipped({}), "no picture that can be read"),
        (lambda: zipped({"cat/a.txt": b"x", "dog/b.txt": b"y"}), "The first: cat/a.txt"),
        (lambda: zipped(dict.fromkeys(HELD_OUT, png())), "for training"),
    ],
)
def test_what_is_no_set_of_pictures_or_would_do_harm_is_refused(make, words):
    with pytest.raises(BadData, match=words):
        read_folders(make(), "x.zip")


def test_too_many_files_are_refused_and_only_the_table_of_contents_counts(monkeypatch, tmp_path):
    data = zipped(two({"notes.txt": b"PK\x01\x02" * 9}), zipfile.ZIP_STORED)
    (tmp_path / "x.zip").write_bytes(data)
    end = b"PK\x05\x06"
    twice_ended = data[:-22] + end + end + data[-14:]  # its numbers of disks count for nothing
    for source in (data, tmp_path / "x.zip", twice_ended, data[:-2] + b"\x04\0" + b"ab\0\0"):
        monkeypatch.setattr("engine.vision.data.archive.MAX_MEMBERS", 21)
        assert len(read_folders(source).data) == 20
        monkeypatch.setattr("engine.vision.data.archive.MAX_MEMBERS", 20)
        with pytest.raises(BadData, match="holds 21 files, and at most 20"):
            read_folders(source)


def test_what_is_as_large_as_may_be_is_read_and_no_more(monkeypatch):
    data = zipped({"a/b/c.txt": bytes(500), "d.txt": bytes(500)})
    (directory,) = struct.unpack("<I", data[-10:-6])
    limits = {"MAX_ARCHIVE": len(data), "MAX_UNPACKED": 1000, "MAX_DIRECTORY": directory}
    limits |= {"MAX_DEPTH": 2, "MAX_PATH": 9, "MAX_RATIO": -(-1000 // len(data)), "PLAIN": 1000}
    unlimited = {"MAX_RATIO": {"PLAIN": 0}, "PLAIN": {"MAX_RATIO": 0}}  # both must be passed
    for name, most in limits.items():
        for limit, other in unlimited.get(name, {}).items():
            monkeypatch.setattr(f"engine.vision.data.archive.{limit}", other)
        monkeypatch.setattr(f"engine.vision.data.archive.{name}", most)
        with open_archive(data, "x.zip") as archive:
            assert len(archive.namelist()) == 2
        monkeypatch.setattr(f"engine.vision.data.archive.{name}", most - 1)
        with pytest.raises(BadData), open_archive(data, "x.zip"):
            pass
        monkeypatch.undo()


def test_a_table_of_contents_without_end_is_not_read(monkeypatch, tmp_path):
    def never(*_):
        raise AssertionError("opened")

    monkeypatch.setattr("engine.vision.data.archive.ZipFile", never)
    data = bytearray(zipped(two()))
    at = data.rindex(b"PK\x05\x06")
    giant = bytes(data[:at]) + b"PK\x06\x07" + bytes(16) + bytes(data[at:])
    data[at + 12 : at + 16] = struct.pack("<I", 400_000_000)
    (tmp_path / "x.zip").write_bytes(data)
    for source in (bytes(data), tmp_path / "x.zip", giant):
        with pytest.raises(BadData, match="more files or larger ones than are read"):
            read_folders(source)


WHOLE = zipped({f"{c}/{n}.png": png((n, 2, 3), (9, 9)) for c in "ab" for n in range(2)})


@settings(max_examples=300)
@given(content=damaged(WHOLE))
def test_a_damaged_zip_gives_a_sentence_or_what_is_left(content):
    with contextlib.suppress(BadData):  # any other exception fails
        folders = read_folders(content, side=8)
        assert len(folders.data) + len(folders.skipped) <= 4


def test_progress_rises_and_may_cancel():
    progress_shares = []
    read_folders(zipped(two()), progress=lambda done, *_: progress_shares.append(done))
    assert progress_shares == sorted(progress_shares)
    assert progress_shares[-1] == 1
    assert np.diff(progress_shares).min() > 0
