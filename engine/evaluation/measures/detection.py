"""How well outlier scores tell unknown images from known ones; larger is more unusual.

Every measure takes scores (N,) alone, so that it can be laid over any detector.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BlindspotError

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Convention = Literal["unknown", "known"]

DETECTION = 0.95  # the true positive rate of FPR95


@dataclass(frozen=True, eq=False)
class ThresholdRates:
    """Two rates at every threshold, from "flag nothing" to "flag all", (k,) each.

    `thresholds[i]` flags every image whose score is at least that; the first is infinite.
    """

    x: Doubles
    y: Doubles
    thresholds: Doubles


def auroc(known: Doubles, unknown: Doubles) -> float:
    """Probability that an unknown image scores above a known one, ties counting half.

    By counting, which takes a hundredth of the time of scikit-learn's curve: resamples and null
    probes ask for it a thousand times. Raises BlindspotError when either is empty or not finite.
    """
    known, unknown = check_scores(known, unknown)
    ordered = np.sort(known)
    # the two counts differ by the ties, so half of their sum counts each tie half
    below = np.searchsorted(ordered, unknown, "left")
    not_above = np.searchsorted(ordered, unknown, "right")
    return float(below.sum() + not_above.sum()) / (2 * len(known) * len(unknown))


def error_auroc(doubt: Doubles, right: Flags, without: float = float("nan")) -> float:
    """Probability that a wrong answer is doubted more than a right one, ties counting half.

    Args:
        doubt: of each answer, (N,).
        right: whether it is right, (N,).
        without: what is given where all answers are right, or all wrong.
    """
    return without if right.all() or not right.any() else auroc(doubt[right], doubt[~right])


def roc(known: Doubles, unknown: Doubles) -> ThresholdRates:
    """False alarms on known images (x) against unknown ones found (y)."""
    from sklearn.metrics import roc_curve

    labels, scores = labels_and_scores(*check_scores(known, unknown))
    # collinear points stay: each is a threshold that can be chosen
    return ThresholdRates(*roc_curve(labels, scores, drop_intermediate=False))


def roc_hull(rates: Sequence[ThresholdRates]) -> tuple[Doubles, Doubles]:
    """The upper convex hull of several ROC curves: false alarms and hits, from 0 to 1.

    What lies on it can be had by drawing lots between two of the detectors (Provost and Fawcett
    2001, https://arxiv.org/abs/cs/0009007).
    """
    # the two detectors that look at nothing: flag none, and flag all
    corners = [np.array([[0.0, 0.0], [1.0, 1.0]])]
    points = np.concatenate([*corners, *(np.stack([rate.x, rate.y], 1) for rate in rates)])
    hull_points: list[Doubles] = []
    # monotone chain: from left to right, at one x from low to high
    for point in points[np.lexsort((points[:, 1], points[:, 0]))]:
        while len(hull_points) > 1 and left_turn(hull_points[-2], hull_points[-1], point):
            hull_points.pop()
        hull_points.append(point)
    hull = np.stack(hull_points)
    return hull[:, 0], hull[:, 1]


def left_turn(start: Doubles, middle: Doubles, other: Doubles) -> bool:
    """Whether the middle point (2,) lies on or below the line between its neighbors."""
    first, second = middle - start, other - start
    # 0 counts too: a point on the line between two corners adds nothing to the hull
    return bool(first[0] * second[1] - first[1] * second[0] >= 0)


def fpr95(known: Doubles, unknown: Doubles, positive: Convention = "unknown") -> float:
    """The error left when 95 % of the positive images are told right.

    With "unknown" as positive (OpenOOD, pytorch-ood): the share of known images flagged once 95 %
    of the unknown ones are. With "known" as positive (the classic one): the share of unknown
    images accepted once 95 % of the known ones are.
    """
    known, unknown = check_scores(known, unknown)
    if positive == "unknown":
        ordered = np.sort(unknown)[::-1]
        threshold = ordered[count_at_95(len(unknown)) - 1]
        # ≥: at the threshold itself known images are flagged as unknown ones are, so ties cost
        return float((known >= threshold).mean())
    threshold = np.sort(known)[count_at_95(len(known)) - 1]
    return float((unknown <= threshold).mean())


def count_at_95(count: int) -> int:
    """The smallest whole number that is 95 % of the count or more."""
    return int(np.ceil(DETECTION * count))  # 0.95 as a float lies below 95 %, so never one more


def precision_recall(
    known: Doubles, unknown: Doubles, positive: Convention = "unknown"
) -> ThresholdRates:
    """Recall (x) against precision (y) at every score, from recall 0 and precision 1 on."""
    from sklearn.metrics import precision_recall_curve

    known, unknown = check_scores(known, unknown)
    if positive == "known":
        # known images as the positives, which must rank high: both signs and roles turn
        known, unknown = -unknown, -known
    precision, recall, levels = precision_recall_curve(*labels_and_scores(known, unknown))
    # scikit-learn begins at recall 1, and its last point, recall 0, has no threshold of its own
    return ThresholdRates(recall[::-1], precision[::-1], np.append(np.inf, levels[::-1]))


def aupr(
    known: Doubles, unknown: Doubles, positive: Convention = "unknown", *, steps: bool = False
) -> float:
    """Area under precision over recall; depends on the share of the positives.

    By trapezoids, as OpenOOD and pytorch-ood do; with `steps` as scikit-learn's average precision.
    """
    curve = precision_recall(known, unknown, positive)
    if steps:
        # steps, not lines: precision is not linear in recall between two points
        return float(np.diff(curve.x) @ curve.y[1:])
    return float(np.trapezoid(curve.y, curve.x))


def oscr(known: Doubles, right: Flags, unknown: Doubles) -> ThresholdRates:
    """Unknown images accepted (x) against known ones accepted and told right (y), at every score.

    `thresholds[i]` accepts every image whose score is at most that (Dhamija, Günther and Boult
    2018, https://arxiv.org/abs/1811.04110).
    """
    known, unknown = check_scores(known, unknown)
    if len(right) != len(known):
        raise BlindspotError(f"{len(known)} scores but {len(right)} answers of known images.")
    levels = np.unique(np.concatenate([known, unknown]))
    correct_scores = np.sort(known[np.asarray(right, bool)])
    return ThresholdRates(
        np.concatenate([[0.0], np.searchsorted(np.sort(unknown), levels, "right") / len(unknown)]),
        # over all known images, also those told wrong: the end is the closed-set accuracy
        np.concatenate([[0.0], np.searchsorted(correct_scores, levels, "right") / len(known)]),
        np.concatenate([[-np.inf], levels]),
    )


def auoscr(known: Doubles, right: Flags, unknown: Doubles) -> float:
    """Area under the OSCR curve; never above the share of known images that are told right."""
    curve = oscr(known, right, unknown)
    return float(np.trapezoid(curve.y, curve.x))


def oosa(known: Doubles, right: Flags, unknown: Doubles, threshold: float) -> float:
    """Operational open-set accuracy at a threshold found elsewhere, over the mix of both.

    A known image counts when it is accepted (score at most the threshold) and told right, an
    unknown one when it is rejected. That every image weighs the same is our reading of the paper's
    description.
    """
    known, unknown = check_scores(known, unknown)
    correct_count = (np.asarray(right, bool) & (known <= threshold)).sum() + (
        unknown > threshold
    ).sum()
    return float(correct_count / (len(known) + len(unknown)))


def best_threshold(known: Doubles, right: Flags, unknown: Doubles) -> float:
    """The score at which OOSA is highest on a validation mix; of equal ones the lowest.

    −∞ rejects every image, as the first point of `oscr` does.
    """
    known, unknown = check_scores(known, unknown)
    levels = np.append(-np.inf, np.unique(np.concatenate([known, unknown])))
    correct_scores = np.sort(known[np.asarray(right, bool)])
    accepted = np.searchsorted(correct_scores, levels, "right")
    rejected = len(unknown) - np.searchsorted(np.sort(unknown), levels, "right")
    return float(levels[np.argmax(accepted + rejected)])


def labels_and_scores(known: Doubles, unknown: Doubles) -> tuple[Flags, Doubles]:
    """Whether each score is an unknown image's, and all scores: scikit-learn's form."""
    return np.repeat([False, True], [len(known), len(unknown)]), np.concatenate([known, unknown])


def check_scores(known: Doubles, unknown: Doubles) -> tuple[Doubles, Doubles]:
    """Both as float64. Raises BlindspotError when one is empty or holds what is no number."""
    pair = np.asarray(known, np.float64).ravel(), np.asarray(unknown, np.float64).ravel()
    for scores, word in zip(pair, ("known", "unknown"), strict=True):
        if not len(scores):
            raise BlindspotError(f"There are no {word} images to measure by.")
        if not np.isfinite(scores).all():
            raise BlindspotError(f"A score of the {word} images is not a finite number.")
    return pair
