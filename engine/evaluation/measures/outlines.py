"""From a map to an outline, and how far an outline agrees with a mask that is known.

The rule is that of the GP networks (Chatterjee et al. 2022, https://arxiv.org/abs/2206.05148):
what is below 0 counts as 0, multi-Otsu (Liao et al. 2001) parts the values into groups, and what
lies above its highest threshold, less an offset, is inside. Their offset is in units of their maps;
here it is in standard deviations of the map, whose values have another size in another network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BlindspotError
from engine.core.result import Floats

GROUPS, OFFSET = 3, 0.5
HALF = 0.5  # of a mask that is kept by shares
SMOOTH = 1.0  # px that both parts of Dice and IoU count more, as published
BINS = 256  # of the histogram that multi-Otsu sees
NOISE = 1e-6  # a spread below this share of the values is none

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Outline:
    """What lies inside, (H, W), above which value, and why nothing does, or ""."""

    inside: Mask
    threshold: float
    reason: str = ""


def outlined(values: Floats, groups: int = GROUPS, offset: float = OFFSET) -> Outline:
    """The outline of what a map (H, W) points to; unknown values (NaN) count as 0.

    Args:
        values: signed; only what is above 0 can be inside.
        groups: into which multi-Otsu parts them, at least two.
        offset: how far below its highest threshold, in standard deviations of the values from 0 up.
    """
    cut = cut_of(values, groups)
    if cut.reason:
        return Outline(np.zeros(values.shape, np.bool_), cut.highest, cut.reason)
    threshold = cut.at(offset)
    return Outline(cut.values > threshold, threshold)


@dataclass(frozen=True, eq=False)
class Cut:
    """Where a map is cut.

    Args:
        values: from 0 up, (H, W).
        highest: multi-Otsu's highest threshold; where there is none, the highest value.
        reason: why nothing can be inside, or "".
    """

    values: NDArray[np.float64]
    highest: float
    reason: str = ""

    def at(self, offset: float) -> float:
        """The threshold, so many standard deviations lower, but not below 0."""
        return max(0.0, self.highest - offset * float(self.values.std()))


def cut_of(values: Floats, groups: int = GROUPS) -> Cut:
    """Where a map (H, W) is cut by multi-Otsu; as `outlined`, without its offset."""
    from skimage.filters import threshold_multiotsu

    nonnegative = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0).clip(0)
    low, high = float(nonnegative.min()), float(nonnegative.max())
    if high <= 0:
        return Cut(nonnegative, 0.0, "the map is nowhere above 0")
    if high - low <= NOISE * high:
        return Cut(nonnegative, high, "the map is the same everywhere")
    # multi-Otsu refuses more groups than there are occupied bins
    group_count = min(groups, int((np.histogram(nonnegative, BINS)[0] > 0).sum()))
    last_threshold = float(
        threshold_multiotsu(nonnegative, group_count, BINS)[-1]
    )  # the middle of a group's last bin
    # half a bin up, to the edge: all values of that bin belong to the group below
    return Cut(nonnegative, last_threshold + (high - low) / BINS / 2)


def dice_by_offset(
    values: Floats, truth: Mask, offsets: Sequence[float], groups: int = GROUPS
) -> list[float]:
    """Dice of a map's outline (H, W) at each of some offsets."""
    cut = cut_of(values, groups)
    is_empty = bool(cut.reason)
    return [dice((cut.values > cut.at(offset)) & (not is_empty), truth) for offset in offsets]


def inside_of(answer: Mapping[str, Any]) -> Mask:
    """The pixels inside a heat map's outline: its own where it has one, else by the rule above."""
    if "outline" in answer:
        return np.asarray(answer["outline"].values > 0)
    return outlined(answer["map"].values).inside


def dice(outline: Mask, truth: Mask) -> float:
    """2 |A ∩ B| / (|A| + |B|), with one pixel more above and below. Raises for other sizes."""
    check(outline, truth)
    intersection, size_sum = (
        np.count_nonzero(outline & truth),
        np.count_nonzero(outline) + truth.sum(),
    )
    # where both are empty this is 1, and not 0 / 0
    return float((2 * intersection + SMOOTH) / (size_sum + SMOOTH))


def iou(outline: Mask, truth: Mask) -> float:
    """|A ∩ B| / |A ∪ B|, with one pixel more above and below. Raises for other sizes."""
    check(outline, truth)
    intersection, union = np.count_nonzero(outline & truth), np.count_nonzero(outline | truth)
    return float((intersection + SMOOTH) / (union + SMOOTH))


def check(outline: Mask, truth: Mask) -> None:
    """Raise BlindspotError where two masks differ in size."""
    if outline.shape != truth.shape:
        raise BlindspotError(
            f"The outline {outline.shape} and the mask {truth.shape} differ in size: bring the "
            "mask "
            "to the outline's size."
        )
