"""Scores of weights in a file: numpy's .npz, under each weight's name an array of its shape.

Nothing in it is ever run.
"""

import io

import numpy as np

from engine.core.errors import BadData, BlindspotError
from engine.core.result import Floats, WeightScores
from engine.vision.decoding_guard import decoding_guard
from engine.vision.models.classifier import Classifier
from engine.vision.weights.parts import prunable_parts

ROOM = 2**20  # bytes of a file beside its numbers
NO_SCORES = "is no file of scores, or is damaged: give an .npz with one array a weight"


def read_scores(data: bytes, model: Classifier) -> WeightScores:
    """The scores of a file, for a model; layers that it does not name are an error only when cut.

    Raises:
        BadData: the file is too large, damaged, or no file of scores.
        BlindspotError: they are of another network, or no numbers.
    """
    known_parts = {part.name: part for part in prunable_parts(model)}
    byte_limit = sum(part.size for part in known_parts.values()) * 8 + ROOM
    with (
        decoding_guard("This file", BadData, NO_SCORES),
        np.load(io.BytesIO(data), allow_pickle=False) as archive,
    ):
        if sum(member.file_size for member in archive.zip.infolist()) > byte_limit:
            raise BlindspotError(f"This file holds more scores than {model.title} has weights.")
        arrays = {name: np.asarray(archive[name]) for name in archive.files}
    if not arrays:
        raise BadData("There are no scores in this file.")
    checked: dict[str, Floats] = {}
    for name, array in arrays.items():
        if name not in known_parts:
            example = next(iter(known_parts))
            raise BlindspotError(
                f"{model.title} has no weight {name[:40]!r} that can be cut: the names are such as "
                f"{example!r}."
            )
        if array.shape != known_parts[name].shape:
            raise BlindspotError(
                f"The scores of {name} are {array.shape}, but the weight is "
                f"{known_parts[name].shape}."
            )
        if array.dtype.kind not in "fiub" or not np.isfinite(array.astype(np.float32)).all():
            raise BlindspotError(f"Some scores of {name} are no numbers.")
        checked[name] = array.astype(np.float32)
    return WeightScores(checked, "score", "mean")
