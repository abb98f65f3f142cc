"""Masks as a file to keep: one bit a weight, with how they were made, read back with care.

The file is numpy's .npz: for each weight its bits in a row (`np.packbits`), and `about`, the names,
shapes and whatever the writer says of them, as JSON in bytes. Nothing in it is ever run.
"""

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.core.errors import BadData, BlindspotError
from engine.vision.decoding_guard import decoding_guard
from engine.vision.models.bits import unpacked_bits
from engine.vision.models.classifier import Classifier
from engine.vision.weights.masks import Masks, masks_of
from engine.vision.weights.parts import prunable_parts

ABOUT = "about"
LARGEST = 64 * 2**20  # bytes of a file that is read
LONGEST = 200_000  # letters of what it says of itself
NO_MASKS = "is no file of masks, or is damaged: give the .npz kept here"


def masks_file(masks: Masks, about: Mapping[str, Any] | None = None) -> bytes:
    """The masks as the bytes of an .npz file.

    Args:
        masks: what stays.
        about: what else is to be known of them, as JSON has it.
    """
    shapes = {name: list(masks.array(name).shape) for name in masks}
    facts = {
        "made by": "Blindspot",
        "kept": masks.kept,
        "of": masks.total,
        "bits": "np.unpackbits(row, count=product of the shape).reshape(shape): 1 stays",
        "shapes": shapes,
        **(about or {}),
    }
    text = np.frombuffer(json.dumps(facts, ensure_ascii=False).encode(), np.uint8)
    out = io.BytesIO()
    arrays: dict[str, Any] = {**masks.packed(), ABOUT: text}
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def read_masks(data: bytes, model: Classifier) -> tuple[Masks, dict[str, Any]]:
    """The masks of a file, for a model, and what the file says of itself.

    Raises:
        BadData: the file is too large, damaged, or no file of masks.
        BlindspotError: they are of another network.
    """
    if len(data) > LARGEST:
        raise BadData(f"A file of masks has at most {LARGEST // 2**20} MB.")
    shapes = {n: tuple(tensor.shape) for n, tensor in model.network.named_parameters()}
    room = sum(-(-int(np.prod(shape)) // 8) for shape in shapes.values())
    with (
        decoding_guard("This file", BadData, NO_MASKS),
        np.load(io.BytesIO(data), allow_pickle=False) as archive,
    ):
        if sum(member.file_size for member in archive.zip.infolist()) > room + LONGEST + 2**16:
            raise BlindspotError(f"This file holds more masks than {model.title} has weights.")
        packed = {name: archive[name] for name in archive.files if name != ABOUT}
        facts = json.loads(archive[ABOUT].tobytes().decode()) if ABOUT in archive.files else {}
    if not packed or not isinstance(facts, dict):
        raise BadData("There are no masks in this file.")
    try:
        result = unpacked_bits(packed, shapes)
    except BlindspotError as error:
        raise BlindspotError(
            f"These masks are of another network than {model.title}: {error}"
        ) from error
    known_parts = tuple(part for part in prunable_parts(model) if part.name in result)
    return masks_of(result, known_parts), facts
