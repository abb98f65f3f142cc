"""A zip of a person's class folders as a training set, for noise that is made for a whole set.

All images are brought to one side, the middle square of each, since the surrogate learns them
together; all of them are for training, whatever the folders say.
"""

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from time import monotonic
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from engine.core.errors import BadData
from engine.core.method import Progress, quiet
from engine.core.result import ImageNoise, Result
from engine.unlearning.protection.own_folders import as_png, check_spent, new_names
from engine.unlearning.protection.protection import protected
from engine.vision.data import DataSet
from engine.vision.data.archive import open_archive, short_path
from engine.vision.data.folders import Imported, picture_members, read_folders, rename_by_content
from engine.vision.lab import TrainCase
from engine.vision.training import Recipe

MOST_IMAGES = 1000
SIDES = (16, 64)  # px
SURROGATE = Recipe(
    "resnet8", batch=32, optimizer="AdamW", rate=0.003, decay=0.01, schedule="one cycle"
)


def own_set(source: bytes | Path, name: str, side: int, progress: Progress = quiet) -> Imported:
    """The images of a zip of class folders at one side, all for training; `ids` are their places.

    Raises:
        BadData: it is no honest zip, holds too much, has fewer than two classes, or takes too long;
            or the side is not among SIDES.
    """
    if not SIDES[0] <= side <= SIDES[1]:
        raise BadData(f"Noise is made for images of {SIDES[0]} to {SIDES[1]} px, not of {side} px.")
    with open_archive(source, short_path(name)) as archive:
        if (count := len(picture_members(archive))) > MOST_IMAGES:
            raise BadData(
                f"{short_path(name)} has {count:,} files; noise is made for at most "
                f"{MOST_IMAGES:,} "
                "images: take fewer."
            )
    began = monotonic()

    def timed(done: float, words: str = "", partial: Result | None = None) -> None:
        check_spent(0, monotonic() - began, short_path(name))
        progress(done, words, partial)

    folders = read_folders(source, name, side, timed)
    data = folders.data
    split = np.zeros(len(data), np.uint8)
    training = DataSet(
        "upload", data.card, data.classes, data.images, data.labels, data.ids, split, data.truth
    )
    return replace(folders, data=rename_by_content(training))


def surrogate_case(data: DataSet, seed: int = 0) -> TrainCase:
    """What noise is made for: the images, and the small network that learns them meanwhile."""
    return TrainCase(data, SURROGATE, seed)


def set_file(source: bytes | Path, name: str, data: DataSet, noise: ImageNoise) -> bytes:
    """The protected images as a zip of PNG files under the paths that they came with.

    Args:
        source: the zip that the data was read from.
        name: of its file.
        data: the clean images.
        noise: of each, as kept.
    """
    after, buffer = protected(data, noise.levels), BytesIO()
    with (
        open_archive(source, short_path(name)) as archive,
        ZipFile(buffer, "w", ZIP_STORED) as output_zip,
    ):
        names = new_names([member.filename for _, member in picture_members(archive)])
        for image, place in zip(after.images, after.ids, strict=True):
            colors = np.broadcast_to(image.transpose(1, 2, 0), (*image.shape[1:], 3))
            output_zip.writestr(ZipInfo(names[place]), as_png(colors))
    return buffer.getvalue()
