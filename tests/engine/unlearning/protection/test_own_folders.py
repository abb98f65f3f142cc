"""A zip of class folders comes back protected, with folders, names and sizes, or as a set."""

import io
import zipfile
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from PIL import Image

from engine.core.errors import BadData
from engine.unlearning import ProtectImage, RandomNoise
from engine.unlearning.protection import own_folders, own_set
from engine.unlearning.protection.own_folders import new_names, protected_folders
from tests.hostile import archives
from tests.hostile.pictures import BEYOND
from tests.in_memory import written
from tests.refusals import assert_refused, reports_until_stopped

RNG = np.random.default_rng(0)
COLORS = RNG.integers(0, 256, (20, 33, 3), dtype=np.uint8)
SHADES = RNG.integers(0, 256, (40, 24), dtype=np.uint8)
LARGE = np.zeros((1100, 1100, 3), np.uint8)
FILES = {
    "pets/dog/1.png": COLORS,
    "pets/dog/1.bmp": COLORS[::-1],
    "pets/cat/old/x.y.png": SHADES,
    "pets/cat/huge.png": LARGE,
    "pets/cat/broken.png": b"no picture",
}
CUT = b"\x89PNG\r\n\x1a\n and no more"
CHANGE = ProtectImage(blur=0.5, size=5, key=3)


def encoded(pixels, name):
    """An image as a file of the kind that its name says."""
    return written(Image.fromarray(pixels).save, name.rsplit(".", 1)[-1].upper())


def zipped(files):
    """A zip of images, or of bytes, by path."""
    return archives.zipped(
        {at: file if isinstance(file, bytes) else encoded(file, at) for at, file in files.items()}
    )


def unzipped(content):
    """The pictures of a zip as they are, by path."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: Image.open(io.BytesIO(archive.read(name))) for name in archive.namelist()}


def test_every_image_has_the_filter_of_its_class_and_keeps_folder_name_and_size():
    beyond = {"pets/cat/beyond.tif": BEYOND}
    result = protected_folders(zipped(FILES | beyond), "pets.zip", CHANGE)
    pictures = unzipped(result.content)
    dog, cat = replace(CHANGE, number=1), replace(CHANGE, number=0)
    assert set(pictures) == {"pets/dog/1.png", "pets/dog/1.bmp.png", "pets/cat/old/x.y.png"}
    assert (np.asarray(pictures["pets/dog/1.png"]) == dog.apply(COLORS)).all()
    assert (np.asarray(pictures["pets/dog/1.bmp.png"]) == dog.apply(COLORS[::-1])).all()
    gray = pictures["pets/cat/old/x.y.png"]
    assert gray.mode == "L"
    shades = np.repeat(SHADES[..., None], 3, 2)
    assert (np.asarray(gray) == cat.apply(shades)[..., 0]).all()
    assert all(picture.format == "PNG" for picture in pictures.values())
    assert (result.count, result.classes) == (3, ("cat", "dog"))
    pairs = (dog.apply(COLORS), COLORS), (cat.apply(shades), shades)
    assert result.most == max(np.abs(after.astype(int) - clean).max() for after, clean in pairs)
    reasons = {left.file: left.reason for left in result.skipped}
    assert set(reasons) == {"pets/cat/huge.png", "pets/cat/broken.png", *beyond}
    assert "1100 × 1100 px" in reasons["pets/cat/huge.png"]


def test_no_two_images_get_the_same_path_whatever_their_capitals_and_names_of_nothing():
    paths = ["c/a.bmp", "c/a.JPG", "c/a.jpg.png", "c/a.png", "c/a.png", "c/b.x.PNG"]
    names = new_names(paths)
    assert (names[2], names[3], names[5]) == ("c/a.jpg.png", "c/a.png", "c/b.x.png")
    assert len(set(names)) == len(paths)
    assert all(name.endswith(".png") for name in names)
    names = new_names(["c/A.jpg", "c/a.bmp", "C/a.png", "", "."])
    assert len({name.casefold() for name in names}) == 5  # the same file on many computers
    assert names[2] == "C/a.png"
    result = protected_folders(zipped({**FILES, ".": b"no name"}), "pets.zip", CHANGE)
    assert result.count == 3
    assert "class folder" in {left.file: left.reason for left in result.skipped}["."]


def test_lists_beside_the_folders_and_folders_without_pictures_are_no_classes():
    extra_files = {**FILES, "pets/labels.csv": b"1,dog", "pets/about/read me.txt": b"pets"}
    zips = zipped(extra_files), zipped(FILES)
    result, plain = (protected_folders(content, "pets.zip", CHANGE) for content in zips)
    assert result.classes == ("cat", "dog")
    assert result.content == plain.content  # and move no other class's number
    skipped = {left.file for left in result.skipped}
    assert {"pets/labels.csv", "pets/about/read me.txt"} < skipped


def test_strength_zero_gives_the_same_bytes_back():
    result = protected_folders(zipped(FILES), "pets.zip", ProtectImage(strength=0.0))
    assert result.most == 0
    assert (np.asarray(unzipped(result.content)["pets/dog/1.png"]) == COLORS).all()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"dog/1.png": COLORS, "dog/2.png": COLORS}, "pictures of one class only, “dog”"),
        ({"1.png": COLORS}, "holds no picture that can be read in a class folder"),
        ({"dog/1.png": COLORS, "cat/1.png": CUT}, "images of fewer than two classes .* cat/1.png"),
        ({"dog/1.png": COLORS, "cat/1.png": b"?"}, "pictures of one class only, “dog”"),
        ({"dog/1.png": COLORS, "../cat.png": COLORS}, "reaches outside its folder"),
        ({f"{number}/1.png": COLORS for number in range(101)}, "101 classes; at most 100"),
        (
            {"dog/1.png": COLORS, f"cat/{'a' * 65520}": COLORS.tobytes()},
            "a path of more than 1000 letters",
        ),
    ],
    ids=["one class", "no folders", "cut", "no picture", "outside", "many classes", "long path"],
)
def test_what_cannot_be_protected_is_a_sentence(files, words):
    assert_refused(words, protected_folders, zipped(files), "mine.zip", CHANGE, error=BadData)


@pytest.mark.parametrize(
    ("module", "bound", "value", "words"),
    [
        (own_folders, "MOST_IMAGES", 4, "5 files; at most 4 are protected at a time"),
        (own_folders, "MOST_PIXELS", 1000, "more than 0 million pixels"),
        (own_folders, "MOST_SECONDS", 0.0, "“pets.zip” takes more than 0 minutes here"),
        (own_set, "MOST_IMAGES", 3, "5 files; noise is made for at most 3 images"),
    ],
)
def test_images_pixels_and_seconds_are_bounded(monkeypatch, module, bound, value, words):
    monkeypatch.setattr(module, bound, value)
    for read, last in ((protected_folders, CHANGE), (own_set.own_set, 32)):
        if read.__module__ == module.__name__ or bound == "MOST_SECONDS":
            assert_refused(words, read, zipped(FILES), "pets.zip", last, error=BadData)


def test_no_zip_is_a_sentence_and_stopping_stops():
    nothing = b"nothing of the kind"
    assert_refused("not a zip", protected_folders, nothing, "a.zip", CHANGE, error=BadData)
    reports_until_stopped(partial(protected_folders, zipped(FILES), "pets.zip", CHANGE))


def test_images_that_are_left_out_count_their_seconds_and_can_be_stopped(monkeypatch):
    unread, reports = zipped({"dog/1.png": CUT, "cat/1.png": CUT}), []
    protect = partial(protected_folders, unread, "pets.zip", CHANGE)
    words = "fewer than two classes"
    assert_refused(words, protect, lambda done, words: reports.append(done), error=BadData)
    assert reports == [0.5, 1.0]
    monkeypatch.setattr(own_folders, "MOST_SECONDS", 0.0)
    assert_refused("takes more than 0 minutes here", protect, error=BadData)


RANDOM_PIXELS = np.random.default_rng(1)
PICTURES = {
    f"mine/{name}": RANDOM_PIXELS.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    for name in ("test/cat/1.png", "train/cat/2.bmp", "test/dog/1.png", "train/dog/1.png")
}


def test_every_image_is_for_training_and_comes_back_under_its_path_with_its_noise_gray_ones_gray():
    content = zipped(PICTURES)
    result = own_set.own_set(content, "mine.zip", 32)
    data = result.data
    assert data.classes == ("cat", "dog")
    assert len(data.rows("train")) == 4 == len(data)
    answer = RandomNoise(epsilon=5)(own_set.surrogate_case(data))
    pictures = unzipped(own_set.set_file(content, "mine.zip", data, answer["noise"]))
    assert set(pictures) == {name.replace(".bmp", ".png") for name in PICTURES}
    for name, clean in PICTURES.items():
        after = np.asarray(pictures[name.replace(".bmp", ".png")]).astype(int)
        assert np.abs(after - clean).max() == 5
    files = {"a/1.png": SHADES, "b/1.png": SHADES[::-1], "b/no.png": b"?"}
    result = own_set.own_set(zipped(files), "x.zip", 16)
    assert result.data.images.shape == (2, 1, 16, 16)
    assert [skipped_file.file for skipped_file in result.skipped] == ["b/no.png"]
    noise = RandomNoise()(own_set.surrogate_case(result.data))["noise"]
    pictures = unzipped(own_set.set_file(zipped(files), "x.zip", result.data, noise))
    assert {picture.mode for picture in pictures.values()} == {"L"}


@pytest.mark.parametrize("side", [8, 512])
def test_sides_that_noise_is_not_made_for_are_a_sentence(side):
    words = f"images of 16 to 64 px, not of {side} px"
    assert_refused(words, own_set.own_set, zipped(PICTURES), "mine.zip", side, error=BadData)
