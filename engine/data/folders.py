"""A zip of class folders becomes a data set: each folder a class, each picture an image.

`cat/1.png`, `dog/2.jpg` is enough. One folder around everything is looked through, folders inside
a class belong to it, and folders called train, validation or test around the classes are the
splits. What cannot be read is skipped and listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from engine.data.archive import DAMAGED, contents, opened, shown
from engine.data.dataset import DataCard, DataSet, stratified
from engine.errors import BadData, BadImage
from engine.images import MAX_BYTES, Crop, Picture, read, square
from engine.method import Progress, quiet

MAX_IMAGES = 20_000
MAX_HELD = 1_000_000_000  # bytes of the images as they are kept
MAX_CLASSES = 1000
FEWEST = 2  # pictures that are cut into squares
SIDES = (8, 512)
SPLIT_WORDS = {
    "train": 0, "training": 0, "val": 1, "valid": 1, "validation": 1, "test": 2, "testing": 2,
}  # fmt: skip
SHARES = (7.0, 1.0, 2.0)
LOOSE = "images"  # the class of pictures in no folder, where that is allowed
LITTER = {"thumbs.db", "desktop.ini"}  # what file managers leave behind

SPLIT_NOTES = {
    "declared": "Training and test images as its folders say.",
    "drawn": "It has no train and test folders: 70 % of each class were drawn for training, 10 % "
    "for validation, 20 % for the test.",
    "train": "All are training images.",
    "test": "All are test images.",
}

Folders = tuple[str, ...]
Undeclared = Literal["drawn", "train", "test"]  # splits of a zip whose folders say none


@dataclass(frozen=True)
class Skipped:
    """A file that is not in the data set, and why."""

    file: str
    reason: str


@dataclass(frozen=True, eq=False)
class Imported:
    """A data set from a file, and what was left out of it."""

    data: DataSet
    skipped: tuple[Skipped, ...] = ()


def read_folders(
    source: bytes | Path,
    name: str = "",
    side: int = 64,
    progress: Progress = quiet,
    *,
    classless: bool = False,
    pieces: int = 0,
    undeclared: Undeclared = "drawn",
) -> Imported:
    """Read a zip of class folders; the middle square of each picture at one side.

    Where no folders say which split a picture belongs to, splits are drawn (70, 10 and 20 % of each
    class), and the card says so; with `undeclared` all are for training, or all for the test.

    With `classless` one class is enough, and pictures in no folder are taken as class "images".
    With `pieces` each picture gives up to so many squares of that side as they are, at its own
    resolution; those of one picture have its number as their group and are held out together.

    Raises:
        BadData: it is no honest zip, holds too much, or has fewer than two classes.
    """
    if not SIDES[0] <= side <= SIDES[1]:
        raise BadData(f"Images cannot have {side} px: choose from {SIDES[0]} to {SIDES[1]}.")
    called = shown(name or (source.name if isinstance(source, Path) else "this file"))
    with opened(source, called) as archive:
        found = pictures(archive)
        if classless:
            found = [(folders or (LOOSE,), member) for folders, member in found]
        if len(found) > MAX_IMAGES:
            raise BadData(f"{called} has {len(found):,} files; at most {MAX_IMAGES:,} are read.")
        if len(found) * max(pieces, 1) * 3 * side * side > MAX_HELD:
            what = "give fewer pictures, or do not cut them" if pieces else "choose a smaller side"
            raise BadData(f"{called} has too many images for {side} px: {what}.")
        images, kept, skipped = decoded(archive, found, side, progress, pieces)
    places = [found[place][0] for place in kept]
    labels, split, classes = sorted_out(places, called, skipped, 1 if classless else 2)
    if (images[:, :1] == images).all():  # gray
        images = images[:, :1]
    ids = np.array(kept, np.int64)
    if pieces and len(set(kept)) < FEWEST:
        raise BadData(f"{called} has one picture: squares of {FEWEST} or more are compared.")
    how = SPLIT_NOTES["declared" if split is not None else undeclared]
    if split is None and undeclared == "drawn":
        _, first, which = np.unique(ids, return_index=True, return_inverse=True)
        split = stratified(labels[first], SHARES, seed=0)[which]  # a picture's pieces together
    elif split is None:
        split = np.full(len(ids), 0 if undeclared == "train" else 2, np.uint8)
    data = DataSet(
        name="upload",
        card=card(PurePosixPath(name).stem or "Your images", len(kept), side, how),
        classes=classes,
        images=images,
        labels=labels,
        ids=np.arange(len(ids)) if pieces else ids,
        split=split,
        truth={"group": ids} if pieces else {},
    )
    for_test = how == SPLIT_NOTES["test"]  # it is joined with training images
    return Imported(data if for_test else named(data), tuple(skipped))


def pictures(archive: ZipFile) -> list[tuple[Folders, ZipInfo]]:
    """The folders and the entry of every file that may be a picture, by name."""
    found = []
    for member in sorted(archive.infolist(), key=lambda one: one.filename):
        path = PurePosixPath(member.filename.replace("\\", "/"))
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
        folder = member.filename.endswith("/")  # not is_dir(), which an empty name breaks
        if not (folder or hidden or path.name.lower() in LITTER):
            found.append((path.parts[:-1], member))
    return found


def decoded(
    archive: ZipFile, found: list[tuple[Folders, ZipInfo]], side: int, progress: Progress,
    pieces: int = 0,
) -> tuple[NDArray[np.uint8], list[int], list[Skipped]]:  # fmt: skip
    """The pictures (n, 3, side, side), their places in the list, and what could not be read."""
    images = np.empty((len(found) * max(pieces, 1), 3, side, side), np.uint8)
    kept: list[int] = []
    skipped = []
    for place, (folders, member) in enumerate(found):
        try:
            picture = one(archive, folders, member, fine=pieces > 0)
        except BadImage as error:
            skipped.append(Skipped(member.filename, str(error)))
        except DAMAGED:
            skipped.append(Skipped(member.filename, "It is damaged inside the archive."))
        else:
            cut = pieces_of(picture, side, pieces)
            images[len(kept) : len(kept) + len(cut)] = cut
            kept += [place] * len(cut)
        progress((place + 1) / len(found), "reading pictures")
    return images[: len(kept)], kept, skipped


def pieces_of(picture: Picture, side: int, most: int) -> NDArray[np.uint8]:
    """Squares of a picture as they are, side by side and at most so many, (n, 3, side, side).

    Its middle square at that side where none was asked for, or where it is smaller.
    """
    rows, columns = (length // side for length in picture.pixels.shape[:2])
    if not most or not rows * columns:
        return np.round(square(picture, Crop(), side) * 255).astype(np.uint8)[None]
    blocks = picture.pixels[: rows * side, : columns * side]
    blocks = blocks.reshape(rows, side, columns, side, 3).transpose(0, 2, 4, 1, 3)
    count = min(most, rows * columns)
    chosen = np.linspace(0, rows * columns - 1, count).astype(int)
    return np.stack([blocks[at // columns, at % columns] for at in chosen])


def one(archive: ZipFile, folders: Folders, member: ZipInfo, *, fine: bool = False) -> Picture:
    """A picture, up to FINE px if wanted; BadImage says why it is left out."""
    if not folders:
        raise BadImage("It lies in no class folder.")
    if member.file_size > MAX_BYTES:
        raise BadImage(f"It has more than {MAX_BYTES / 1e6:.0f} MB.")
    return read(contents(archive, member), PurePosixPath(member.filename).name, fine=fine)


def sorted_out(
    folders: list[Folders], called: str, skipped: list[Skipped], fewest: int = 2
) -> tuple[NDArray[np.int64], NDArray[np.uint8] | None, tuple[str, ...]]:
    """Labels, splits where the folders say them, and the classes' words."""
    if not folders:
        first = f" The first: {skipped[0].file}: {skipped[0].reason}" if skipped else ""
        raise BadData(f"{called} holds no picture that can be read in a class folder.{first}")
    while min(map(len, folders)) > 1 and len({path[0] for path in folders}) == 1:
        folders = [path[1:] for path in folders]
    split = None
    if all(len(path) > 1 and path[0].lower() in SPLIT_WORDS for path in folders):
        split = np.array([SPLIT_WORDS[path[0].lower()] for path in folders], np.uint8)
        folders = [path[1:] for path in folders]
    classes = tuple(sorted({path[0] for path in folders}))
    if len(classes) < fewest:
        raise BadData(
            f"{called} has pictures of one class only, {shown(classes[0])}: put those of each "
            "class into a folder of its own."
        )
    if len(classes) > MAX_CLASSES:
        raise BadData(f"{called} has {len(classes):,} classes; at most {MAX_CLASSES:,} are read.")
    numbers: Mapping[str, int] = {word: number for number, word in enumerate(classes)}
    return np.array([numbers[path[0]] for path in folders]), split, classes


def card(title: str, count: int, side: int, how: str = "") -> DataCard:
    """A card for what a person brought; `how` says where its splits are from."""
    return DataCard(
        title=title[:60],
        about=f"{count} images of your own, {side} × {side} px.",
        made=f"Read from a zip of class folders: the middle square of each picture. {how}".strip(),
        license="as you have it; nothing leaves this machine",
    )


def named(data: DataSet) -> DataSet:
    """The data set under a name made of its content."""
    if len(data) and len(data.rows("train")) == 0 and len(data.classes) > 1:
        raise BadData(f"{data.card.title} has no images for training.")
    return replace(data, name=f"upload-{data.fingerprint[:12]}")
