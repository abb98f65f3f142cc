"""A forget set as a person brings it: ids in a text, pictures in a zip, several classes."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from engine.unlearning import brought, request
from engine.unlearning.request import splits
from engine.unlearning.request_text import request_from, request_text
from engine.vision.data.folders import read_folders
from tests.engine.unlearning.protection import test_own_folders as own_folders
from tests.refusals import assert_refused


def zipped(images):
    """A zip of PNGs, named in their order."""
    pictures = (image.transpose(1, 2, 0).squeeze() for image in images)
    return own_folders.zipped({f"{at:04}.png": picture for at, picture in enumerate(pictures)})


def pictures(images, side=8):
    return read_folders(zipped(images), "some.zip", side, classless=True).data


def test_several_classes_go_from_training_and_from_the_test(digits):
    forget_request = request.of_classes(digits, [3, 5])
    result = splits(digits, forget_request)
    assert set(digits.labels[result.forget]) == set(digits.labels[result.gone]) == {3, 5}
    assert not np.isin(digits.labels[np.concatenate([result.retain, result.test])], [3, 5]).any()
    text = request_text(forget_request, digits)
    assert text == "classes=3+5"
    np.testing.assert_array_equal(request_from(text, digits).ids, forget_request.ids)
    assert request.of_classes(digits, [3]).kind == "class"
    assert_refused("twice", request.of_classes, digits, [3, 3])
    assert_refused("Nothing is to be forgotten", request.of_classes, digits, [])
    all_of_them = request.of_classes(digits, range(10))
    assert_refused(r"All .* are to be forgotten: leave some", splits, digits, all_of_them)


@pytest.mark.parametrize(
    "form",
    [
        "{}, {} {}",
        "id\n{}\n{}\n{}\n",
        "{};{};{}",
        "\ufeffid,\n{}\r\n{}\n{}",
        "\ufeff{}, {}, {}",
        "\n image_id\n\n{}\n{}\n {};\n",
        '"id"\n"{}"\n"{}"\n"{}"\n',
    ],
)
def test_ids_are_read_from_a_text_of_any_form(digits, form):
    ids = digits.ids[digits.rows("train")][[4, 0, 9]].tolist()
    np.testing.assert_array_equal(brought.of_text(digits, form.format(*ids)).ids, ids)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Nothing is to be forgotten"),
        ("id", "Nothing is to be forgotten"),
        ("4, x", "“x” is no id"),
        ("#0, 2", "“#0” is no id"),
        ("one, two", "“one” is no id"),
        ("id 4", "“id” is no id"),
        ("id\nname\n4", "“name” is no id"),
        ("id,label\n4,3\n17,0", "“id label” is more than one id in a line"),
        ("id\n4,3\n17,0", "“4 3” is more than one id in a line"),
        ("4, -1", "“-1” is no id"),
        ("999999", "no image with id 999999"),
        (" ".join(["1"] * 2000), "2,000 ids were given"),
    ],
)
def test_ids_that_are_none_are_a_sentence(digits, text, words):
    assert_refused(words, brought.of_text, digits, text)


def test_pictures_are_found_by_their_pixels_and_gray_ones_among_color_images(digits):
    rows = digits.rows("train")[[7, 2, 30]]
    result = brought.of_pictures(digits, pictures(digits.images[rows]))
    assert set(result.ids) >= set(digits.ids[rows])
    for place in digits.places(result.ids):  # more only where an image is there twice
        assert any((digits.images[place] == digits.images[row]).all() for row in rows)
    assert digits.ids[rows[0]] in brought.of_pictures(digits, pictures(digits.images[rows[:1]])).ids
    some = digits.take(digits.rows("train")[:20])
    color = replace(some, images=np.repeat(some.images, 3, 1))
    result = brought.of_pictures(color, pictures(some.images[[4, 5]]))
    assert set(result.ids) >= set(some.ids[[4, 5]])


def test_pictures_that_are_not_there_and_ids_that_were_never_learned_are_a_sentence(digits):
    rows = digits.rows("train")[:2]
    odd = digits.images[rows].copy()
    odd[1] = 255 - odd[1]
    tested = digits.rows("test")[:1]
    for uploaded, words in (
        (pictures(odd), r"1 of 2 pictures .* picture 2 .* is not there"),
        (pictures(digits.images[tested]), "is one of the others, which were never learned"),
        (pictures(digits.images[rows], side=16), "another size"),
    ):
        assert_refused(words, brought.of_pictures, digits, uploaded)
    assert_refused("was never learned", brought.of_text, digits, str(digits.ids[tested][0]))


def test_a_zip_is_searched_and_what_cannot_be_read_is_named(digits, monkeypatch):
    rows = digits.rows("train")[[7, 2, 30]]
    many = zipped(digits.images[rows])
    result = brought.of_zip(digits, many)
    assert set(result.request.ids) >= set(digits.ids[rows])
    assert not result.skipped
    buffer = io.BytesIO(many)
    with zipfile.ZipFile(buffer, "a") as file:
        file.writestr("0001x.png", b"no picture")
        file.writestr("notes.txt", b"no picture")
    again = brought.of_zip(digits, buffer.getvalue())
    assert again.request.ids.tolist() == result.request.ids.tolist()
    assert [skipped_file.file for skipped_file in again.skipped] == ["0001x.png", "notes.txt"]
    few = digits.take(digits.rows("train")[:2])
    monkeypatch.setattr(brought, "read_folders", lambda *_, **__: pytest.fail("it was read"))
    assert_refused(r"The zip has 3 files; .* has 2 training images", brought.of_zip, few, many)
