"""A zip of class folders becomes a data set: each folder a class, each picture an image.

`cat/1.png`, `dog/2.jpg` is enough. One folder around everything is looked through, folders inside
a class belong to it, and folders called train, validation or test around the classes are the
splits. What cannot be read is skipped and listed.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import prod
from pathlib import Path, PurePosixPath
from typing import Literal, TypeVar
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadData, BadImage, BlindspotError, Cancelled
from engine.core.keeping.budget import book
from engine.core.method import Progress, quiet
from engine.vision.data.archive import DAMAGED_MEMBER, contents, open_archive, short_path
from engine.vision.data.dataset import DataCard, DataSet, stratified
from engine.vision.images import MAX_BYTES, Crop, Picture, read, square

log = logging.getLogger(__name__)

MAX_IMAGES = 20_000
MAX_HELD = 1_000_000_000  # bytes of the images as they are kept
MAX_CLASSES = 1000
NAMED = 12  # classes that a summary names
FEWEST = 2  # pictures that are cut into squares
SIDES = (8, 512)
SPLIT_WORDS = {
    "train": 0,
    "training": 0,
    "val": 1,
    "valid": 1,
    "validation": 1,
    "test": 2,
    "testing": 2,
}
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
ReadT = TypeVar("ReadT")
Undeclared = Literal["drawn", "train", "test"]  # splits of a zip whose folders say none


@dataclass(frozen=True)
class Skipped:
    """A file that is not in the data set, and why."""

    file: str
    reason: str


@dataclass(frozen=True, eq=False)
class Imported:
    """A data set from a file, and what was left out of it.

    Args:
        data: the data set.
        skipped: the files that are not in it, and why.
        sizes: width and height of the smallest and the largest picture, as their files have them.
    """

    data: DataSet
    skipped: tuple[Skipped, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()

    @property
    def summary(self) -> str:
        """What the file holds: how many images, of which classes, and of which size."""
        data = self.data
        height, width = data.images.shape[2:]
        counts = np.bincount(data.labels, minlength=len(data.classes))
        named = [f"{name[:40]} {count:,}" for name, count in zip(data.classes, counts, strict=True)]
        rest = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        classes = "1 class" if len(named) == 1 else f"{len(named):,} classes"
        text = f"{len(data):,} images of {classes} ({', '.join(named[:NAMED])}{rest}), "
        text += f"{width} × {height} px"
        if self.sizes:
            low, high = (f"{across} × {down}" for across, down in self.sizes)
            text += (
                f", from pictures of {low} px"
                if low == high
                else (f", from pictures of {low} to {high} px")
            )
        skipped_count = len(self.skipped)
        return (
            f"{text}. {skipped_count:,} {'file was' if skipped_count == 1 else 'files were'} "
            "left out."
            if skipped_count
            else f"{text}."
        )


def attempt(read: Callable[[], ReadT], file: str, skipped: list[Skipped]) -> ReadT | None:
    """What is read of one file among many; None when it cannot be, with the reason in `skipped`.

    Whatever a decoder raises is that file's fault, and the others are read all the same.
    """
    try:
        return read()
    except Cancelled:
        raise
    except BlindspotError as error:
        skipped.append(Skipped(file, str(error)))
    except Exception as error:  # noqa: BLE001 - decoders fail in a dozen ways
        log.info("a file of many was left out: %s", type(error).__name__)
        skipped.append(Skipped(file, DAMAGED_MEMBER))
    return None


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
    called = short_path(name or (source.name if isinstance(source, Path) else "this file"))
    with open_archive(source, called) as archive:
        members = picture_members(archive)
        if classless:
            members = [(folders or (LOOSE,), member) for folders, member in members]
        if len(members) > MAX_IMAGES:
            raise BadData(f"{called} has {len(members):,} files; at most {MAX_IMAGES:,} are read.")
        if len(members) * max(pieces, 1) * 3 * side * side > MAX_HELD:
            what = "give fewer pictures, or do not cut them" if pieces else "choose a smaller side"
            raise BadData(f"{called} has too many images for {side} px: {what}.")
        with book(len(members) * max(pieces, 1) * 3 * side * side, called) as booking:
            pixels = decode_pictures(archive, members, side, progress, pieces)
            images, read_rows, skipped = pixels.compact(), pixels.kept, pixels.skipped
            booking.hand_over([images])
    folder_paths = [members[place][0] for place in read_rows]
    labels, split, classes = sorted_out(folder_paths, called, skipped, 1 if classless else 2)
    ids = np.array(read_rows, np.int64)
    if pieces and len(set(read_rows)) < FEWEST:
        raise BadData(f"{called} has one picture: squares of {FEWEST} or more are compared.")
    how = SPLIT_NOTES["declared" if split is not None else undeclared]
    if split is None and undeclared == "drawn":
        _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
        split = stratified(labels[first], SHARES, seed=0)[inverse]  # a picture's pieces together
    elif split is None:
        split = np.full(len(ids), 0 if undeclared == "train" else 2, np.uint8)
    data = DataSet(
        name="upload",
        card=data_card(PurePosixPath(name).stem or "Your images", len(read_rows), side, how),
        classes=classes,
        images=images,
        labels=labels,
        ids=np.arange(len(ids)) if pieces else ids,
        split=split,
        truth={"group": ids} if pieces else {},
    )
    for_test = how == SPLIT_NOTES["test"]  # it is joined with training images
    return Imported(data if for_test else rename_by_content(data), tuple(skipped), pixels.sizes)


def picture_members(archive: ZipFile) -> list[tuple[Folders, ZipInfo]]:
    """The folders and the entry of every file that may be a picture, by name."""
    results = []
    for member in sorted(archive.infolist(), key=lambda member: member.filename):
        path = PurePosixPath(member.filename.replace("\\", "/"))
        is_hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
        is_folder = member.filename.endswith("/")  # not is_dir(), which an empty name breaks
        if not (is_folder or is_hidden or path.name.lower() in LITTER):
            results.append((path.parts[:-1], member))
    return results


@dataclass(eq=False)
class DecodedPictures:
    """The pictures of a zip as they are read.

    Args:
        images: (n, 3, side, side), of which the first are filled.
        kept: the place in the zip of each that is filled.
        skipped: what could not be read.
        shapes: width and height of each picture that was read, as its file has it.
    """

    images: NDArray[np.uint8]
    kept: list[int] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    shapes: set[tuple[int, int]] = field(default_factory=set)

    def compact(self) -> NDArray[np.uint8]:
        """The images that were read, holding no more memory than they fill: gray in one channel."""
        images = self.images[: len(self.kept)]
        gray = bool((images[:, :1] == images).all())
        images = images[:, :1] if gray else images
        return images.copy() if images.nbytes < self.images.nbytes else images

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """The smallest and the largest."""
        order = sorted(self.shapes, key=prod)
        return (order[0], order[-1]) if order else ()


def decode_pictures(
    archive: ZipFile,
    members: list[tuple[Folders, ZipInfo]],
    side: int,
    progress: Progress,
    pieces: int = 0,
) -> DecodedPictures:
    """The pictures, and what could not be read."""
    decoded = DecodedPictures(np.empty((len(members) * max(pieces, 1), 3, side, side), np.uint8))
    for place, (folders, member) in enumerate(members):
        picture = attempt(
            partial(read_picture, archive, folders, member, fine=pieces > 0),
            member.filename,
            decoded.skipped,
        )
        if picture is not None:
            cut = pieces_of(picture, side, pieces)
            decoded.images[len(decoded.kept) : len(decoded.kept) + len(cut)] = cut
            decoded.kept += [place] * len(cut)
            decoded.shapes.add(picture.size)
        progress((place + 1) / len(members), "reading pictures")
    return decoded


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
    # from all over the picture, and not its first rows alone
    chosen = np.linspace(0, rows * columns - 1, count).astype(int)
    return np.stack([blocks[at // columns, at % columns] for at in chosen])


def read_picture(
    archive: ZipFile, folders: Folders, member: ZipInfo, *, fine: bool = False
) -> Picture:
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
            f"{called} has pictures of one class only, {short_path(classes[0])}: put those of each "
            "class into a folder of its own."
        )
    if len(classes) > MAX_CLASSES:
        raise BadData(f"{called} has {len(classes):,} classes; at most {MAX_CLASSES:,} are read.")
    numbers: Mapping[str, int] = {word: number for number, word in enumerate(classes)}
    return np.array([numbers[path[0]] for path in folders]), split, classes


def data_card(title: str, count: int, side: int, how: str = "") -> DataCard:
    """A card for what a person brought; `how` says where its splits are from."""
    return DataCard(
        title=title[:60],
        about=f"{count} images of your own, {side} × {side} px.",
        made=f"Read from a zip of class folders: the middle square of each picture. {how}".strip(),
        license="as you have it; nothing leaves this machine",
    )


def rename_by_content(data: DataSet) -> DataSet:
    """The data set under a name made of its content."""
    if len(data) and len(data.rows("train")) == 0 and len(data.classes) > 1:
        raise BadData(f"{data.card.title} has no images for training.")
    return replace(data, name=f"upload-{data.fingerprint[:12]}")
