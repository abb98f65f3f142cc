"""A zip of a person's class folders, protected image by image, as a zip of the same folders.

Images keep their size, folder and name, and become PNG, which loses nothing of the noise. One after
the other is read, changed and written, so that little more than the result is in memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath
from time import monotonic
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.core.errors import BadData, BadImage
from engine.core.method import Progress, quiet
from engine.core.pictures import Pixels
from engine.evaluation.experiment import ImageChange
from engine.vision.data.archive import contents, open_archive, short_path
from engine.vision.data.folders import (
    Folders,
    Skipped,
    attempt,
    picture_members,
    read_picture,
    sorted_out,
)
from engine.vision.images import MAX_KEPT, MAX_SHORT, Picture
from engine.vision.images.kinds import DICOM, NIFTI, kind

MOST_MB = 100  # of the zip
MOST_IMAGES = 1000
MOST_CLASSES = 100  # as many as a protection has numbers for
MOST_PIXELS = 50_000_000  # of all images together
MOST_SECONDS = 240.0
FEWEST = 2  # classes
NAMELESS = PurePosixPath("image")
BEGINNING = 4096  # bytes of a file, which tell what it is
QUICK = 1  # of PNG's levels: noise does not pack anyhow


@dataclass(frozen=True, eq=False)
class ProtectedFolders:
    """What is handed back.

    Args:
        content: the zip.
        count: of its images.
        classes: of the images that are in it.
        most: the largest change of any pixel, in gray levels.
        skipped: the files that are not in it, and why.
    """

    content: bytes
    count: int
    classes: tuple[str, ...]
    most: int
    skipped: tuple[Skipped, ...]


def protected_folders(
    source: bytes | Path, name: str, change: ImageChange, progress: Progress = quiet
) -> ProtectedFolders:
    """Change every image of a zip of class folders; each class has its number, by name.

    Raises:
        BadData: it is no honest zip, holds too much or has fewer than two classes, or it took too
            long.
    """
    called, began = short_path(name), monotonic()
    buffer, folder_labels, most, spent = BytesIO(), [], 0, 0
    skipped: list[Skipped] = []
    with open_archive(source, called) as archive, ZipFile(buffer, "w", ZIP_STORED) as output_zip:
        members = picture_members(archive)
        labels, classes = class_labels(archive, members, called)
        names = new_names([member.filename for _, member in members])
        for done, (folders, member) in enumerate(members, 1):
            label = labels[done - 1]
            clean = attempt(
                partial(read_pixels, archive, folders, member), member.filename, skipped
            )
            spent += 0 if clean is None else clean[..., 0].size
            check_spent(spent, monotonic() - began, called)
            progress(done / len(members), "protecting images")
            if clean is None:
                continue
            after = class_change(change, label).apply(clean)
            most = max(most, int(np.abs(after.astype(np.int16) - clean).max()))
            output_zip.writestr(ZipInfo(names[done - 1]), as_png(after))
            folder_labels.append(label)
    class_names = tuple(classes[label] for label in sorted(set(folder_labels)))
    if len(class_names) < FEWEST:
        first = f" The first: {skipped[0].file}: {skipped[0].reason}" if skipped else ""
        raise BadData(f"{called} has images of fewer than two classes that can be read.{first}")
    return ProtectedFolders(
        buffer.getvalue(), len(folder_labels), class_names, most, tuple(skipped)
    )


def class_labels(
    archive: ZipFile, members: Sequence[tuple[Folders, ZipInfo]], called: str
) -> tuple[list[int], tuple[str, ...]]:
    """A number for each file, that of its class by name (0 without a class), and the classes.

    Files that do not begin like a picture, such as a list of labels beside the folders, have none.
    """
    if len(members) > MOST_IMAGES:
        raise BadData(
            f"{called} has {len(members):,} files; at most {MOST_IMAGES:,} are protected at a "
            "time: "
            "split it."
        )
    picture_flags = [bool(folders) and begins_well(archive, member) for folders, member in members]
    inside = [folders for (folders, _), well in zip(members, picture_flags, strict=True) if well]
    labels, _, classes = sorted_out(inside, called, [], FEWEST)
    if len(classes) > MOST_CLASSES:
        raise BadData(
            f"{called} has {len(classes):,} classes; at most {MOST_CLASSES} are protected."
        )
    numbers = iter(labels.tolist())
    return [next(numbers) if well else 0 for well in picture_flags], classes


def begins_well(archive: ZipFile, member: ZipInfo) -> bool:
    """Whether a file begins like a picture or a scan."""
    file_kind = attempt(lambda: kind(contents(archive, member, BEGINNING)), member.filename, [])
    return file_kind is not None and (file_kind.readable or file_kind in {DICOM, NIFTI})


def read_pixels(archive: ZipFile, folders: Folders, member: ZipInfo) -> Pixels:
    """The pixels of an image (H, W, 3). Raises BadImage."""
    return full_pixels(read_picture(archive, folders, member))


def check_spent(pixels: int, seconds: float, called: str) -> None:
    """Raise BadData where there is more than one zip may ask for."""
    if pixels > MOST_PIXELS:
        raise BadData(
            f"{called} has more than {MOST_PIXELS / 1e6:.0f} million pixels: take fewer or smaller "
            "images at a time."
        )
    if seconds > MOST_SECONDS:
        raise BadData(
            f"{called} takes more than {MOST_SECONDS / 60:.0f} minutes here: take fewer images at "
            "a time."
        )


def full_pixels(picture: Picture) -> Pixels:
    """Its pixels (H, W, 3); BadImage where it was made smaller to be shown."""
    width, height = picture.size
    if picture.pixels.shape[:2] != (height, width):
        raise BadImage(
            f"It has {width} × {height} px; protected are images of up to {MAX_SHORT} px on the "
            f"short side and {MAX_KEPT / 1e6:.0f} million in all: save it smaller."
        )
    return picture.pixels


def class_change(change: ImageChange, label: int) -> ImageChange:
    """The change as the images of a class get it."""
    has_number = "number" in {spec.name for spec in fields(change)}
    return replace(change, number=label) if has_number else change  # type: ignore[call-arg]


def new_names(paths: Sequence[str]) -> list[str]:
    """The path of each image as PNG; its old ending stays where another image has that path.

    Paths that differ by capital letters only are the same on many computers.
    """
    slashed = [PurePosixPath(path.replace("\\", "/")) for path in paths]
    slashed = [path if path.name else NAMELESS for path in slashed]
    names: dict[int, str] = {}
    taken: set[str] = set()
    for at in sorted(range(len(paths)), key=lambda at: slashed[at].suffix.lower() != ".png"):
        name = str(slashed[at].with_suffix(".png"))
        if name.casefold() in taken:
            name = f"{slashed[at]}.png"
        while name.casefold() in taken:
            name += ".png"
        taken.add(name.casefold())
        names[at] = name
    return [names[at] for at in range(len(paths))]


def as_png(image: NDArray[np.uint8]) -> bytes:
    """An image (H, W, 3) as a PNG file, gray where its channels are the same."""
    file = BytesIO()
    plain = image[..., 0] if (image[..., :1] == image).all() else image
    Image.fromarray(plain).save(file, "PNG", compress_level=QUICK)
    return file.getvalue()
