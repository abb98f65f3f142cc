"""How far maps of one image agree: by direction, by order, by what stands out, by sign."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from engine.core.result import Floats, Table
from engine.evaluation.measures.drift import (
    Bools,
    Doubles,
    direction,
    overlap,
    rank_direction,
    same_size,
    top_pixels,
)
from engine.evaluation.measures.ranks import Reals


@dataclass(frozen=True)
class Agreement:
    """A way to compare maps.

    Args:
        look: what is needed of each map (H, W), found once.
        compare: of what was found of two; NaN where one of them says nothing.
        unit: of the outcome.
    """

    look: Callable[[Floats], Any]
    compare: Callable[[Any, Any], float]
    unit: str

    def __call__(self, first: Reals, other: Reals) -> float:
        """How far two maps agree. Raises BlindspotError when they differ in size."""
        same_size(first, other)
        return self.compare(self.look(first), self.look(other))


def cosine(first: Reals, other: Reals) -> float:
    """The cosine between two maps; NaN when one is zero everywhere."""
    return AGREEMENTS["cosine"](first, other)


def sign_agreement(first: Floats, other: Floats) -> float:
    """Of the tenth that stands out most in the first, the share with the same sign in the other.

    NaN when one is flat.
    """
    return AGREEMENTS["sign"](first, other)


def flat_direction(values: Floats) -> Doubles:
    return direction(values.astype(np.float64).ravel())


def product(first: Doubles, other: Doubles) -> float:
    """Of two directions: the cosine between them."""
    return float(first @ other)


def signs(values: Floats) -> tuple[Bools, Floats]:
    """What stands out, and every pixel's sign."""
    return top_pixels(values), np.sign(values.ravel())


def same_signs(first: tuple[Bools, Floats], second: tuple[Bools, Floats]) -> float:
    """The share of the first's strongest pixels with the same sign in the second."""
    (top, signed), (others_top, others_signed) = first, second
    if not top.any() or not others_top.any():
        return float("nan")
    # NaN equals nothing: an unknown place counts as a disagreement
    return float(np.mean(signed[top] == others_signed[top]))


AGREEMENTS: Mapping[str, Agreement] = {
    "cosine": Agreement(flat_direction, product, "cosine"),
    "order": Agreement(rank_direction, product, "Spearman"),
    "strongest": Agreement(top_pixels, overlap, "IoU"),
    "sign": Agreement(signs, same_signs, "share"),
}


def matrix(maps: Sequence[tuple[str, Floats]], by: str = "order") -> Table:
    """Every map against every other, (n, n).

    Args:
        maps: a name and values (H, W) of each.
        by: a key of AGREEMENTS.

    Raises:
        BlindspotError: maps differ in size.
    """
    names = tuple(name for name, _ in maps)
    for _, values in maps:
        same_size(maps[0][1], values)
    # as bytes, which the cache can hash; arrays cannot be its keys
    result = pairwise_agreement(
        tuple(values.astype(np.float32).tobytes() for _, values in maps), maps[0][1].shape, by
    )
    return Table.grid(result, names, names, (AGREEMENTS[by].unit,) * len(names))


@lru_cache(maxsize=16)  # a page says and draws it in every run
def pairwise_agreement(maps: tuple[bytes, ...], shape: tuple[int, ...], by: str) -> Floats:
    """Each map (float32) with each, (n, n)."""
    agreement = AGREEMENTS[by]
    profiles = [
        agreement.look(np.frombuffer(content, np.float32).reshape(shape)) for content in maps
    ]
    return np.array(
        [[agreement.compare(first, other) for other in profiles] for first in profiles], np.float32
    )
