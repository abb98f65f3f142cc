"""How well scored boxes find the boxes that are known, all of one kind: "something is wrong here".

A box is left, top, width and height. At an overlap t, boxes of all images are taken by falling
confidence; each hits the box of its image, among those not yet hit, that it overlaps most, if by t
at least. A second box on the same lesion is a false one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# rounded: arange gives 0.6000000000000001, which an overlap of 0.6 would miss
OVERLAPS = tuple(np.round(np.arange(0.5, 1.0, 0.05), 2).tolist())  # of mAP@[50:95]

Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ScoredBoxes:
    """P boxes of several images.

    Args:
        image: of which image each is, (P,).
        places: (P, 4).
        confidence: (P,).
    """

    image: NDArray[np.int64]
    places: Doubles
    confidence: Doubles


@dataclass(frozen=True)
class BoxFigures:
    """What boxes are worth; NaN where there is nothing to find.

    Args:
        map30, map50: average precision at an overlap of .3 and of .5.
        map50_95: its mean over .5, .55, …, .95.
        acc50: share of images with something to find in which a box overlaps it by .5.
        hits30, false30: boxes that hit at .3, and those that do not.
    """

    map30: float
    map50: float
    map50_95: float
    acc50: float
    hits30: int
    false30: int


def box_figures(scored_boxes: ScoredBoxes, truth: Sequence[Doubles]) -> BoxFigures:
    """The figures of boxes against those that each image is known to have, (K, 4) each."""
    hits_by_overlap = {overlap: hits(scored_boxes, truth, overlap) for overlap in (0.3, *OVERLAPS)}
    count = sum(map(len, truth))
    areas = {overlap: average_precision(hit, count) for overlap, hit in hits_by_overlap.items()}
    lesion_images = [image for image, boxes in enumerate(truth) if len(boxes)]
    hit_images = set(by_confidence(scored_boxes).image[hits_by_overlap[0.5]].tolist())
    return BoxFigures(
        areas[0.3],
        areas[0.5],
        float(np.mean([areas[overlap] for overlap in OVERLAPS])),
        len(hit_images) / len(lesion_images) if lesion_images else float("nan"),
        int(hits_by_overlap[0.3].sum()),
        int((~hits_by_overlap[0.3]).sum()),
    )


def by_confidence(scored_boxes: ScoredBoxes) -> ScoredBoxes:
    """The boxes by falling confidence; equal ones stay in their order."""
    order = np.argsort(-scored_boxes.confidence, kind="stable")
    return ScoredBoxes(
        scored_boxes.image[order], scored_boxes.places[order], scored_boxes.confidence[order]
    )


def hits(scored_boxes: ScoredBoxes, truth: Sequence[Doubles], overlap: float) -> Flags:
    """Whether each box hits, by falling confidence, (P,)."""
    unmatched = [np.ones(len(boxes), np.bool_) for boxes in truth]
    hit = np.zeros(len(scored_boxes.image), np.bool_)
    sorted_boxes = by_confidence(scored_boxes)
    for at, (image, place) in enumerate(zip(sorted_boxes.image, sorted_boxes.places, strict=True)):
        # −1 lies below every overlap asked for, 0 included: a box that was hit is not hit again
        shares = np.where(unmatched[image], pairwise_iou(place[None], truth[image])[0], -1.0)
        if len(shares) and shares.max() >= overlap:
            hit[at] = True
            unmatched[image][shares.argmax()] = False
    return hit


def pairwise_iou(first: Doubles, other: Doubles) -> Doubles:
    """Intersection over union of boxes (n, 4) and (m, 4), (n, m); 0 for boxes without area."""
    start = np.maximum(first[:, None, :2], other[None, :, :2])
    end = np.minimum((first[:, :2] + first[:, 2:])[:, None], (other[:, :2] + other[:, 2:])[None])
    intersection = (end - start).clip(0).prod(2)
    union = first[:, 2:].prod(1)[:, None] + other[:, 2:].prod(1)[None] - intersection
    return np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)


def average_precision(hit: Flags, count: int) -> float:
    """Area under the envelope of precision over recall, all points; NaN of nothing to find.

    Args:
        hit: by falling confidence, (P,).
        count: how many there are to find.
    """
    # each box found adds 1 / count of recall, so the area is the mean over these steps
    return float(precisions(hit, count).mean()) if count else float("nan")


def precisions(hit: Flags, count: int) -> Doubles:
    """The best precision with 1, 2, …, `count` of them found or more; 0 beyond those found.

    Args:
        hit: by falling confidence, (P,).
        count: how many there are to find.
    """
    precision = np.cumsum(hit) / np.arange(1, len(hit) + 1)
    # from the right: the best precision at this recall or a higher one
    envelope = np.maximum.accumulate(precision[::-1])[::-1][hit]
    return np.pad(envelope, (0, count - len(envelope)))
