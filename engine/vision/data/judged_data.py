"""The images of a model that is judged: training and test images apart, never split here.

Images that a model learned from must not pass for strangers, so a file says which are which, or
test images come in a file of their own, or there are none.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isqrt
from pathlib import PurePosixPath
from statistics import median
from zipfile import ZipFile

import numpy as np

from engine.core.errors import BadData, BadImage
from engine.vision.data.archive import DAMAGED, contents, open_archive, short_path
from engine.vision.data.dataset import DataSet
from engine.vision.data.folders import (
    MAX_HELD,
    SIDES,
    Imported,
    picture_members,
    read_folders,
    rename_by_content,
)
from engine.vision.data.medmnist import read_npz
from engine.vision.images import MAX_BYTES, read

LOOKED_AT = 15  # pictures whose size is looked at
FINEST = 256  # px of a side that pictures are read at


def read_training(content: bytes, name: str) -> Imported:
    """Training images from a zip of class folders or a MedMNIST file, at their own side.

    A zip whose folders say train and test, and a MedMNIST file, bring their test images along.

    Raises:
        BadData: see `read_folders` and `read_npz`.
    """
    if name.lower().endswith(".npz"):
        return read_npz(content, name)
    return read_folders(content, name, own_side(content, name), undeclared="train")


def read_test(content: bytes, name: str, side: int) -> Imported:
    """Test images from a zip of class folders, at the side of the training images.

    Raises:
        BadData: see `read_folders`; or the file says itself which of its images are for training.
    """
    imported = read_folders(content, name, side, classless=True, undeclared="test")
    if (imported.data.split != 2).any():
        raise BadData(
            f"{short_path(name)} has training images of its own: give it as the training "
            "images, or a "
            "file of test images alone."
        )
    return imported


def own_side(content: bytes, name: str) -> int:
    """The middle short side of a zip's pictures, in px, as far as all of them fit into memory."""
    with open_archive(content, short_path(name)) as archive:
        members = picture_members(archive)
        chosen = np.linspace(0, len(members) - 1, min(len(members), LOOKED_AT)).astype(int)
        sides = [side for at in chosen if (side := short_side(archive, members[at][1].filename))]
    room = isqrt(MAX_HELD // (3 * max(len(members), 1)))
    return int(min(max(median(sides or [SIDES[0]]), SIDES[0]), FINEST, max(room, SIDES[0])))


def short_side(archive: ZipFile, name: str) -> int:
    """Of a picture in a zip, in px; 0 where it cannot be read."""
    member = archive.getinfo(name)
    try:
        if member.file_size > MAX_BYTES:
            return 0
        return min(read(contents(archive, member), PurePosixPath(name).name).size)
    except (BadImage, *DAMAGED):
        return 0


def merge_data(training: DataSet, test: DataSet | None) -> DataSet:
    """Training images with the test images of another file, under the training images' classes.

    Images of both files have one side, that of the training images. Ids of test images follow.

    Raises:
        BadData: both bring test images, or the test images have a class that was not learned.
    """
    if test is None:
        return training
    if len(training.rows("test")):
        raise BadData(
            f"{training.card.title} has test images of its own: take the second file away, or give "
            "training images alone."
        )
    numbers = {word: number for number, word in enumerate(training.classes)}
    if unknown := [word for word in test.classes if word not in numbers]:
        raise BadData(
            f"The test images have a class “{unknown[0][:60]}” that the training images lack: name "
            "the folders alike in both files."
        )
    channels = max(training.images.shape[1], test.images.shape[1])
    images = [
        np.broadcast_to(data_set.images, (len(data_set), channels, *data_set.images.shape[2:]))
        for data_set in (training, test)
    ]
    labels = np.array([numbers[word] for word in test.classes])[test.labels]
    first = int(training.ids.max()) + 1
    data = replace(
        training,
        images=np.concatenate(images),
        labels=np.concatenate([training.labels, labels]),
        ids=np.concatenate([training.ids, first + np.arange(len(test))]),
        split=np.concatenate([training.split, test.split]),
        truth={},
    )
    return rename_by_content(data)


def reorder_classes(data: DataSet, order: tuple[int, ...]) -> DataSet:
    """The data with their classes in another order: place k has class `order[k]` of these data."""
    if order == tuple(range(len(data.classes))):
        return data
    place = np.argsort(np.array(order))
    classes = tuple(data.classes[number] for number in order)
    return replace(data, classes=classes, labels=place[data.labels])


def plausible_orders(data: DataSet, content: bytes | None = None) -> Mapping[str, tuple[int, ...]]:
    """Orders of the classes that trainings use, beside that of the data, by what they are called.

    Args:
        data: with its classes by name.
        content: of the zip they are from, for the order in which its folders come.
    """
    classes = data.classes
    orders = {"by number": sorted(range(len(classes)), key=lambda at: by_number(classes[at]))}
    if content is not None and content.startswith(b"PK"):
        with open_archive(content, "the zip") as archive:
            names = [member.filename for member in archive.infolist()]
        parts = (part for name in names for part in PurePosixPath(name).parts[:-1])
        first = {word: at for at, word in enumerate(dict.fromkeys(parts))}
        if all(word in first for word in classes):
            orders["as in the zip"] = sorted(range(len(classes)), key=lambda at: first[classes[at]])
    named_orders = {tuple(range(len(classes))): ""}
    for name, order in orders.items():
        named_orders.setdefault(tuple(order), name)
    return {name: order for order, name in named_orders.items() if name}


def typed_order(text: str, classes: Sequence[str]) -> tuple[int, ...]:
    """For each output the class that a person names: one a line, or all in one with commas.

    Raises:
        BadData: a name is no class, or a class is missing or stands twice.
    """
    lines = text.strip().splitlines()
    names = [word.strip() for word in (lines if len(lines) > 1 else text.split(","))]
    names = [name for name in names if name]
    numbers = {word: number for number, word in enumerate(classes)}
    if unknown := [name for name in names if name not in numbers]:
        several = ", ".join(classes[:12]) + (" …" if len(classes) > 12 else "")
        raise BadData(f"“{unknown[0][:60]}” is no class of these images. They are: {several}.")
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise BadData(f"“{repeated[0][:60]}” stands twice: name each class once.")
    if missing := sorted(set(classes) - set(names)):
        raise BadData(
            f"{len(missing)} of {len(classes)} classes are missing, such as “{missing[0][:60]}”: "
            "name one for each output."
        )
    return tuple(numbers[name] for name in names)


def by_number(word: str) -> tuple[float, str]:
    """What names with numbers are sorted by: class 2 before class 10."""
    digits = "".join(letter if letter.isdecimal() else " " for letter in word).split()
    return (float(digits[-1][:15]) if digits else float("inf")), word
