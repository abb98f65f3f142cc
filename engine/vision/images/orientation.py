"""Which way a scan lies: the letters of the patient's sides at the edges of a slice.

L and R are the patient's left and right, A and P front (anterior) and back (posterior), H and F
head and feet, as in DICOM. Directions are vectors towards left, back and head (LPS).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

TOWARDS = (("R", "L"), ("A", "P"), ("F", "H"))  # along each axis of LPS: minus, plus
OPPOSITE = dict(zip("LRAPHF", "RLPAFH", strict=True))
TILTED = 0.3  # share of a direction from which on its second letter is said, about 17 degrees
UNIT = 0.02  # how far from length 1 and from a right angle two directions may be


@dataclass(frozen=True)
class Edges:
    """The patient's sides at the four edges of a picture."""

    left: str
    right: str
    top: str
    bottom: str


def letters(direction: Sequence[float]) -> str:
    """The side a direction points to, and a second one where it is clearly tilted."""
    # stable: at exactly 45° the letters come in the order of the axes
    order = np.argsort(-np.abs(direction), kind="stable")
    symbols = [TOWARDS[axis][int(direction[axis] > 0)] for axis in order]
    return "".join(symbols[: 1 + int(abs(direction[order[1]]) > TILTED)])


def opposite(sides: str) -> str:
    return "".join(OPPOSITE[side] for side in sides)


def from_cosines(cosines: Sequence[float]) -> Edges | None:
    """From DICOM's six numbers: where rows run to, then columns; None when they say nothing."""
    if len(cosines) != 6 or not np.isfinite(cosines).all():
        return None
    across, down = np.asarray(cosines[:3]), np.asarray(cosines[3:])
    lengths = (float(np.linalg.norm(across)), float(np.linalg.norm(down)))
    if any(abs(length - 1) > UNIT for length in lengths) or abs(across @ down) > UNIT:
        return None
    right, bottom = letters(across.tolist()), letters(down.tolist())
    return Edges(opposite(right), right, opposite(bottom), bottom)


def from_words(words: Sequence[str]) -> Edges | None:
    """From DICOM's Patient Orientation, such as L and F; None when it says nothing."""
    sides = [str(word).strip().upper() for word in words]
    if len(sides) != 2 or not all(side and set(side) <= set(OPPOSITE) for side in sides):
        return None
    right, bottom = (side[:2] for side in sides)
    return Edges(opposite(right), right, opposite(bottom), bottom)
