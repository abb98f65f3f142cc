"""Several models of one network in a zip, which is unpacked in the reader process."""

from __future__ import annotations

from pathlib import PurePath
from time import monotonic

import numpy as np

from engine.data.archive import shown
from engine.errors import BadImage, BadModel
from engine.images.reader import ask
from engine.models.classifier import Classifier
from engine.models.own_file import open_alike, open_model

MOST_BYTES = 100 * 2**20  # of the weights in a zip, unpacked
PACKED = 10 * 2**20  # bytes that the zip may have beside them; weights hardly pack at all
ADVICE = "give fewer or smaller models"
SECONDS = 60.0  # in which a zip must be read


def open_zip(
    content: bytes, called: str, most: int, architecture: str = "", like: Classifier | None = None
) -> tuple[Classifier, ...]:
    """The models of a zip in the order of their names, at most so many.

    What an operating system adds to a zip (names that begin with a dot or with two underscores)
    is passed over.

    Args:
        content: of the zip.
        called: what it is called in messages.
        most: how many models it may hold.
        architecture: of timm's, for weights alone.
        like: a model of the same network; the first of the zip if not given.

    Raises:
        BadModel: it is no zip, or none that is opened here; it has no models, too many, too large
            ones or other files, one does not fit, or reading takes too long.
    """
    end, found = monotonic() + SECONDS, []
    for name, member in models_of_zip(content, called, most):
        if monotonic() > end:
            raise BadModel(
                f"{called} takes more than {SECONDS:.0f} seconds to read: give fewer models."
            )
        alone = f"the file{PurePath(name).suffix}"
        try:
            model = (
                open_alike(member, alone, like) if like else open_model(member, alone, architecture)
            )
        except BadModel as error:
            reason = str(error).replace(alone, "the file")
            raise BadModel(f"{shown(name)} in {called}: {reason}") from error
        like = like or model
        found.append(model)
    return tuple(found)


def models_of_zip(content: bytes, called: str, most: int) -> list[tuple[str, bytes]]:
    """The files of weights in a zip by name, unpacked in the reader process. Raises BadModel."""
    if len(content) > MOST_BYTES + PACKED:
        raise BadModel(f"{called} is larger than {(MOST_BYTES + PACKED) // 2**20} MB: {ADVICE}.")
    words = {"ask": "models", "most": most, "most_bytes": MOST_BYTES}
    try:
        said, files = ask(called, words, [np.frombuffer(content, np.uint8)], advice=ADVICE)
    except BadImage as error:
        raise BadModel(str(error)) from error
    return [(name, file.tobytes()) for name, file in zip(said["names"], files, strict=True)]
