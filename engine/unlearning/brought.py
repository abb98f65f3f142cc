"""What is to be forgotten, from what a person brings: a text of ids, or the pictures themselves."""

from __future__ import annotations

import re
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from engine.data import DataSet
from engine.errors import BlindspotError
from engine.unlearning.request import ForgetRequest, picked
from engine.whole import whole_number


def of_text(data: DataSet, text: str) -> ForgetRequest:
    """The images whose ids a text names, with spaces, commas or line breaks between them.

    A first word that is no number is taken for the head of a column.

    Raises:
        BlindspotError: another word is no id, or an image is no training image of these data.
    """
    found = [word for word in re.split(r"[\s,;]+", text) if word]
    if found and whole_number(found[0]) is None:
        del found[0]
    if len(found) > len(data):
        raise BlindspotError(f"{len(found):,} ids were given; {data.card.title} has {len(data):,}.")
    ids = [whole_number(word) for word in found]
    if None in ids:
        raise BlindspotError(f"“{found[ids.index(None)][:40]}” is no id: give whole numbers.")
    return picked(data, np.array(ids, np.int64))


def of_pictures(data: DataSet, pictures: DataSet) -> ForgetRequest:
    """The training images that have the very pixels of some pictures; all where several have.

    Raises:
        BlindspotError: the pictures have another size, or one is no training image of these data.
    """
    if data.images.shape[2:] != pictures.images.shape[2:]:
        raise BlindspotError(f"The pictures have another size than {data.card.title}.")
    known: dict[bytes, list[int]] = {}
    for row in range(len(data)):
        known.setdefault(pixels_digest(data.images[row]), []).append(row)
    found = [known.get(pixels_digest(image), []) for image in pictures.images]
    learned = [[row for row in rows if data.split[row] == 0] for rows in found]
    if lost := [at for at, rows in enumerate(learned) if not rows]:
        what = (
            "is one of the others, which were never learned" if found[lost[0]] else "is not there"
        )
        raise BlindspotError(
            f"{len(lost)} of {len(pictures)} pictures are no training images of {data.card.title}: "
            f"picture {lost[0] + 1} in the order of names {what}. Give the very pictures that the "
            "data were made of."
        )
    rows = np.unique(np.concatenate([np.array(rows, np.int64) for rows in learned]))
    return picked(data, data.ids[rows])


def pixels_digest(image: NDArray[np.uint8]) -> bytes:
    """A name for the pixels of an image (1 or 3, H, W); gray has the same in three channels."""
    whole = np.broadcast_to(image, (3, *image.shape[1:]))
    return blake2b(np.ascontiguousarray(whole).tobytes(), digest_size=16).digest()
