"""A file of MedMNIST's form opens with its own splits; any other is refused with a sentence."""

import contextlib
import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings

from engine.core.errors import BadData, BadImage
from engine.core.keeping.budget import BUDGET, visited_by
from engine.vision.data.archive import compressed_bytes
from engine.vision.data.medmnist import keys, memory, read_npz
from tests.engine.vision.data.bad_members import damaged
from tests.in_memory import written

COUNTS = {"train": 30, "val": 8, "test": 12}


def arrays(shape=(28, 28), classes=4, kind=np.uint8):
    rng = np.random.default_rng(0)
    members = {}
    for part, count in COUNTS.items():
        members[f"{part}_images"] = rng.integers(0, 256, (count, *shape)).astype(kind)
        members[f"{part}_labels"] = rng.integers(0, classes, (count, 1)).astype(np.uint8)
    return members


def npz(held, save=np.savez_compressed):
    return written(save, **held)


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 3), (64, 64), (64, 64, 3)])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_grey_and_color_sets_open_with_their_own_splits(shape, save):
    members = arrays(shape)
    with visited_by("ann"):
        data = read_npz(npz(members, save), "bloodmnist.npz").data
    assert BUDGET.booked["ann"] == data.images.nbytes
    assert data.images.shape == (50, 3 if len(shape) == 3 else 1, *shape[:2])
    assert [len(data.rows(s)) for s in ("train", "validation", "test")] == [30, 8, 12]
    test = data.take(data.rows("test"))
    assert (test.labels == members["test_labels"][:, 0]).all()
    pixels = test.images.transpose(0, 2, 3, 1)
    assert (pixels == members["test_images"].reshape(pixels.shape)).all()
    assert data.classes == ("class 0", "class 1", "class 2", "class 3")
    assert data.card.title == "bloodmnist"
    assert data.card.about.startswith(f"50 medical images, {shape[0]} × {shape[0]} px")
    assert data.name.startswith("upload-")


def test_other_whole_numbers_and_flat_labels_are_taken():
    members = arrays()
    for part in COUNTS:
        members[f"{part}_labels"] = members[f"{part}_labels"][:, 0].astype(np.int64)
    members["val_labels"][0] = 999
    assert len(read_npz(npz(members)).data.classes) == 1000
    assert set(keys()) == set(members)


def changed(key, value):
    members = arrays()
    if value is None:
        del members[key]
    else:
        members[key] = value
    return members


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (changed("val_labels", None), "no array “val_labels”: a MedMNIST file has train_images"),
        (arrays((28, 28, 28)), "three-dimensional set: its images are 28 × 28 × 28"),
        (arrays((28, 28), kind=np.float32), "is float32, and should be uint8"),
        (changed("test_images", np.zeros((12, 784), np.uint8)), "is 12 × 784, and should be N × "),
        (changed("test_images", np.zeros((12, 32, 28), np.uint8)), "several sizes"),
        (changed("test_images", np.zeros((12, 0, 28), np.uint8)), "is 12 × 0 × 28, and should be"),
        (changed("test_images", np.zeros((12, 28, 0), np.uint8)), "is 12 × 28 × 0, and should be"),
        (
            changed("test_images", np.zeros((0, 28, 28), np.uint8))
            | {"test_labels": np.zeros((0, 1), np.uint8)},
            "has no images in “test_images”",
        ),
        (changed("test_images", np.zeros((9, 28, 28), np.uint8)), "should be 9 × 1 whole numbers"),
        (changed("train_labels", np.zeros((30, 2), np.uint8)), "2 labels at once"),
        (changed("train_labels", np.zeros((30, 1))), "float64, and should be 30 × 1 whole"),
        (changed("train_labels", np.full((30, 1), -1)), "labels outside 0 to 999"),
        (changed("train_labels", np.full((30, 1), 1000)), "labels outside 0 to 999"),
        (changed("train_images", np.zeros((0, 28, 28), np.uint8)), "30 × 1 uint8, and should be 0"),
        (changed("val_images", np.zeros((8, 513, 1), np.uint8)), "sides up to 512"),
        (changed("val_images", np.uint8(3)), "is a single number"),
    ],
)
def test_what_is_of_another_form_is_refused_with_a_sentence(held, said):
    with pytest.raises(BadData, match=said) as refused:
        read_npz(npz(held), "some.npz")
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("“some.npz”")


class Trap:
    """What would happen if a pickle were opened."""

    sprung = False

    def __reduce__(self):
        return (setattr, (Trap, "sprung", True))


def test_pickled_objects_are_never_opened():
    members = changed("train_labels", np.array([Trap()] * 30, dtype=object))
    with pytest.raises(BadData, match="pickled objects, which could run code: not opened"):
        read_npz(npz(members))
    assert not Trap.sprung


def claiming(shape):
    """A file of which the header of train_images says this shape, before 100 bytes."""
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"
    buffer = io.BytesIO(npz(changed("train_images", None)))
    line = text.encode() + b"\n"
    with zipfile.ZipFile(buffer, "a") as archive:
        npy = b"\x93NUMPY\x01\x00" + len(line).to_bytes(2, "little") + line + bytes(100)
        archive.writestr("train_images.npy", npy)
    return buffer.getvalue()


def many_zeros():
    """A small file that unpacks to 39 MB."""
    members = changed("train_images", np.zeros((50_000, 28, 28), np.uint8))
    return npz(members | {"train_labels": np.zeros((50_000, 1), np.uint8)})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: claiming("(30, 1000000, 1000000)"), "not as long as its header says"),
        (lambda: claiming("(99999999999999999999, 28, 28)"), "not as long as its header says"),
        (lambda: claiming("(-1, -28, 28)"), "not as long as its header says"),
        (lambda: claiming("(2, 'x')"), "is damaged"),
        (lambda: claiming("__import__('os')"), "is damaged"),
        (many_zeros, "times its size"),
        *((lambda lost=lost: npz(arrays())[lost:], "damaged") for lost in (1, 17, 40)),
    ],
)
def test_hostile_headers_endless_zeros_and_lost_first_bytes_are_refused(make, words):
    """Without its first bytes, zipfile takes a file's first member to begin before the file."""
    with pytest.raises(BadData, match=words):
        read_npz(make())


def test_an_honest_file_that_is_too_large_is_told_to_come_smaller(monkeypatch):
    headers = {f"{part}_images": ((count, 28, 28), None) for part, count in COUNTS.items()}
    assert memory(headers) == 50 * (28 * 28 + 40)
    monkeypatch.setattr("engine.vision.data.medmnist.MAX_HELD", 50 * 28 * 28)
    assert len(read_npz(npz(arrays())).data) == 50
    monkeypatch.setattr("engine.vision.data.medmnist.MAX_HELD", 50 * 28 * 28 - 1)
    with pytest.raises(BadData, match="take the 28 px or 64 px version"):
        read_npz(npz(arrays()))


WHOLE = npz(arrays((4, 4)))


@settings(max_examples=100)  # each is read in another process
@given(content=damaged(WHOLE))
def test_a_damaged_file_gives_a_sentence_or_a_data_set(content):
    with contextlib.suppress(BadData):  # any other exception fails
        assert len(read_npz(content).data) == 50


def test_of_a_member_no_more_is_read_than_needed():
    with zipfile.ZipFile(io.BytesIO(npz(arrays(), np.savez))) as archive:
        member = archive.infolist()[0]
        whole = compressed_bytes(archive, member)
        assert len(whole) == member.compress_size
        assert compressed_bytes(archive, member, 100).tolist() == whole[:100].tolist()
        member.compress_size += 10**6
        with pytest.raises(BadImage, match="damaged"):
            compressed_bytes(archive, member)
