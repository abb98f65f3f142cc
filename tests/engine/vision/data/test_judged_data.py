"""Training and test images of a model that is judged stay apart, and nothing is split here."""

import numpy as np
import pytest

from engine.core.errors import BadData
from engine.vision.data.folders import read_folders
from engine.vision.data.judged_data import (
    merge_data,
    own_side,
    plausible_orders,
    read_test,
    read_training,
    reorder_classes,
    typed_order,
)
from tests.hostile.archives import zipped
from tests.in_memory import png


def zip_of(*names, side=24):
    """A zip of random pictures with these paths."""
    rng = np.random.default_rng(0)
    return zipped({name: png(rng.integers(0, 255, (side, side, 3), np.uint8)) for name in names})


def picture_paths(*folders, count=4):
    return [f"{folder}/{number}.png" for folder in folders for number in range(count)]


def test_a_plain_zip_is_training_images_alone_but_elsewhere_it_is_drawn():
    data = read_training(zip_of(*picture_paths("a", "b")), "own.zip").data
    assert len(data.rows("train")) == len(data) == 8
    assert data.side == 24  # at their own size
    data = read_folders(zip_of(*picture_paths("a", "b", count=10)), "own.zip", 24).data
    assert len(data.rows("test")) == 4
    assert "no train and test folders: 70 % of each class were drawn" in data.card.made
    parted = zip_of(*picture_paths("train/a", "train/b", "test/a"))
    assert "as its folders say" in read_folders(parted, "own.zip", 24).data.card.made


def test_a_declared_split_is_kept_and_other_test_images_come_under_the_same_classes():
    content = zip_of(*picture_paths("train/a", "train/b", "test/a", "test/b"))
    data = read_training(content, "own.zip").data
    assert (len(data.rows("train")), len(data.rows("test"))) == (8, 8)
    with pytest.raises(BadData, match="has test images of its own"):
        merge_data(data, read_test(zip_of(*picture_paths("a")), "test.zip", 24).data)
    with pytest.raises(BadData, match="has training images of its own"):
        read_test(content, "test.zip", 24)
    training = read_training(zip_of(*picture_paths("a", "b", "c")), "own.zip").data
    test = zip_of(*picture_paths("c", "b", count=2), side=40)
    data = merge_data(training, read_test(test, "test.zip", training.side).data)
    assert data.classes == ("a", "b", "c")
    assert sorted(data.labels[data.rows("test")].tolist()) == [1, 1, 2, 2]
    assert data.ids.tolist() == list(range(16))
    np.testing.assert_array_equal(data.ids[data.rows("train")], training.ids)
    assert data.name != training.name
    assert merge_data(training, None) is training
    alone = merge_data(training, read_test(zip_of(*picture_paths("b")), "test.zip", 24).data)
    assert (alone.labels[alone.rows("test")] == 1).all()
    with pytest.raises(BadData, match="a class “d” that the training images lack"):
        merge_data(training, read_test(zip_of(*picture_paths("d")), "test.zip", 24).data)


@pytest.mark.parametrize("side", [8, 32, 97])
def test_pictures_are_read_at_their_own_side(side):
    assert own_side(zip_of(*picture_paths("a", "b"), side=side), "own.zip") == side


def test_the_order_of_the_classes_can_be_that_of_numbers_or_of_the_zip():
    names = ("class 10", "class 2", "class 1")
    content = zip_of(*picture_paths(*names))
    data = read_training(content, "own.zip").data
    assert data.classes == ("class 1", "class 10", "class 2")
    orders = plausible_orders(data, content)
    assert [data.classes[at] for at in orders["by number"]] == ["class 1", "class 2", "class 10"]
    assert [data.classes[at] for at in orders["as in the zip"]] == list(names)
    other = reorder_classes(data, orders["as in the zip"])
    assert other.classes == names
    words = [data.classes[label] for label in data.labels]
    assert [other.classes[label] for label in other.labels] == words
    assert plausible_orders(read_training(zip_of(*picture_paths("a", "b")), "x.zip").data) == {}


@pytest.mark.parametrize("text", ["cat\nant\nbee", "cat, ant,bee", " cat \n\nant\nbee\n"])
def test_an_order_is_typed_in_lines_or_with_commas(text):
    assert typed_order(text, ("ant", "bee", "cat")) == (2, 0, 1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("cat, ant, dog", "“dog” is no class of these images. They are: ant, bee, cat."),
        ("cat, cat, ant", "“cat” stands twice: name each class once."),
        ("cat", "2 of 3 classes are missing, such as “ant”: name one for each output."),
        ("", "3 of 3 classes are missing"),
    ],
)
def test_what_is_no_order_is_a_sentence(text, sentence):
    with pytest.raises(BadData) as refusal:
        typed_order(text, ("ant", "bee", "cat"))
    assert str(refusal.value).startswith(sentence)
