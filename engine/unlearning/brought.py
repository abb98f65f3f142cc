"""What is to be forgotten, from what a person brings: a text of ids, or the pictures themselves."""

import re
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BlindspotError
from engine.core.whole import whole_number
from engine.unlearning.request import ForgetRequest, of_ids
from engine.vision.data import DataSet
from engine.vision.data.archive import open_archive
from engine.vision.data.folders import SIDES, Skipped, picture_members, read_folders


def of_text(data: DataSet, text: str) -> ForgetRequest:
    """The images whose ids a text names, all in one line or one a line.

    In one line spaces, commas or semicolons stand between them. A first line that is one word
    without a digit is the header of a column. Ids may be in quotes.

    Raises:
        BlindspotError: a word is no id, a line of several has more than one, or an image is no
            training image of these data.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    cells = [
        results for line in lines if (results := re.split(r"[\s,;]+", line.strip(" \t,;"))) != [""]
    ]
    if cells and len(cells[0]) == 1 and is_header(cells[0][0]):
        del cells[0]
    if wide := next((cell for cell in cells if len(cell) > 1 and len(cells) > 1), None):
        raise BlindspotError(
            f"“{' '.join(wide)[:40]}” is more than one id in a line: give the column of ids alone, "
            "or all ids in one line."
        )
    results = [word.strip("\"'") for words in cells for word in words]
    if len(results) > len(data):
        raise BlindspotError(
            f"{len(results):,} ids were given; {data.card.title} has {len(data):,}."
        )
    ids = [whole_number(word) for word in results]
    if None in ids:
        raise BlindspotError(f"“{results[ids.index(None)][:40]}” is no id: give whole numbers.")
    return of_ids(data, np.array(ids, np.int64))


def is_header(word: str) -> bool:
    """Whether it may name a column: it begins with a letter or a quote and has no digit."""
    return word.lstrip("\"'")[:1].isalpha() and not any(letter.isdigit() for letter in word)


@dataclass(frozen=True)
class FoundImages:
    """The images of a zip among the training images.

    Args:
        request: asks to forget them.
        skipped: files of the zip that could not be read, and why.
    """

    request: ForgetRequest
    skipped: tuple[Skipped, ...] = ()


def of_zip(data: DataSet, content: bytes) -> FoundImages:
    """The training images that a zip has, see `of_pictures`; what cannot be read is left out.

    Raises:
        BlindspotError: the zip is damaged, or has more pictures than there are training images.
    """
    most = len(data.rows("train"))
    with open_archive(content, "the zip") as archive:
        count = len(picture_members(archive))
    if count > most:
        raise BlindspotError(
            f"The zip has {count:,} files; {data.card.title} has {most:,} training images."
        )
    side = min(max(data.side, SIDES[0]), SIDES[1])
    folders = read_folders(content, "the zip", side, classless=True)
    return FoundImages(of_pictures(data, folders.data), folders.skipped)


def of_pictures(data: DataSet, picture_set: DataSet) -> ForgetRequest:
    """The training images that have the very pixels of some pictures; all where several have.

    Raises:
        BlindspotError: the pictures have another size, or one is no training image of these data.
    """
    if data.images.shape[2:] != picture_set.images.shape[2:]:
        raise BlindspotError(f"The pictures have another size than {data.card.title}.")
    rows_by_digest: dict[bytes, list[int]] = {}
    for row in range(len(data)):
        rows_by_digest.setdefault(pixels_digest(data.images[row]), []).append(row)
    results = [rows_by_digest.get(pixels_digest(image), []) for image in picture_set.images]
    learned = [[row for row in rows if data.split[row] == 0] for rows in results]
    if lost := [at for at, rows in enumerate(learned) if not rows]:
        what = (
            "is one of the others, which were never learned" if results[lost[0]] else "is not there"
        )
        raise BlindspotError(
            f"{len(lost)} of {len(picture_set)} pictures are no training images of "
            f"{data.card.title}: "
            f"picture {lost[0] + 1} in the order of names {what}. Use the original "
            "image files."
        )
    rows = np.unique(np.concatenate([np.array(rows, np.int64) for rows in learned]))
    return of_ids(data, data.ids[rows])


def pixels_digest(image: NDArray[np.uint8]) -> bytes:
    """A name for the pixels of an image (1 or 3, H, W); gray has the same in three channels."""
    rgb = np.broadcast_to(image, (3, *image.shape[1:]))
    return blake2b(np.ascontiguousarray(rgb).tobytes(), digest_size=16).digest()
