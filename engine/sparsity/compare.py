"""How alike two sets of masks are, beside what chance would give, and which weights do nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.errors import BlindspotError
from engine.models.bits import Bits
from engine.models.classifier import Classifier
from engine.sparsity.masks import Masks
from engine.sparsity.synflow import flow_of, flows


@dataclass(frozen=True)
class Overlap:
    """Two sets of kept weights, A and B.

    Args:
        iou: |A ∧ B| ÷ |A ∨ B|.
        chance: what independent masks of the same density in each layer would give,
            with counts expected: Σ d_A d_B n ÷ Σ (d_A + d_B − d_A d_B) n.
        both, only_first, only_second: how many weights.
        ratio_distance: half the sum over layers of the difference between the shares of all kept
            weights that lie there; 0 when both keep the same number in every layer.
        layers: the same IoU and chance for each part, (parts, 2).
    """

    iou: float
    chance: float
    both: int
    only_first: int
    only_second: int
    ratio_distance: float
    layers: tuple[tuple[float, float], ...]


def overlap(one: Masks, other: Masks) -> Overlap:
    """Compare two sets of masks over the same parts. Raises BlindspotError for other parts."""
    if [p.name for p in one.parts] != [p.name for p in other.parts]:
        raise BlindspotError("These masks are of different layers and cannot be compared.")
    both = np.array(
        [np.count_nonzero(one.array(p.name) & other.array(p.name)) for p in one.parts], np.int64
    )
    sizes = np.array([p.size for p in one.parts], np.float64)
    either = one.counts + other.counts - both
    a, b = one.counts / sizes, other.counts / sizes
    expected, union = a * b * sizes, (a + b - a * b) * sizes
    shares = one.counts / max(one.kept, 1), other.counts / max(other.kept, 1)
    layers = tuple(
        (ratio(x, y), ratio(u, v)) for x, y, u, v in zip(both, either, expected, union, strict=True)
    )
    return Overlap(
        ratio(both.sum(), either.sum()),
        ratio(expected.sum(), union.sum()),
        int(both.sum()),
        int(one.kept - both.sum()),
        int(other.kept - both.sum()),
        float(np.abs(shares[0] - shares[1]).sum() / 2),
        layers,
    )


def ratio(part: float, whole: float) -> float:
    """One by the other; two empty sets are alike."""
    return float(part / whole) if whole else 1.0


def effective(model: Classifier, masks: Masks) -> Masks | None:
    """The weights that stay and lie on a way from the image to a logit.

    A weight whose filter nobody reads, or that reads a channel nobody makes, does nothing. It is
    found by letting ones flow through the masks (see SynFlow), where biases, which can make a
    channel speak without any weight, are left out. None for networks through which ones cannot
    flow (with attention or LayerNorm).
    """
    if not flows(model):
        return None
    flow = flow_of(model, {p.name: masks.array(p.name) for p in masks.parts}, ones=True)
    rows: list[Bits] = [(flow[p.name] > 0).ravel() for p in masks.parts]
    return Masks(masks.parts, np.concatenate(rows) & masks.flat, masks.silent, masks.notes)
