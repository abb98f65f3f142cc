"""Linear boundaries between two classes of images, from hardly to strongly tilted.

Tanay and Griffin, "A Boundary Tilting Perspective on the Phenomenon of Adversarial Examples"
(2016), https://arxiv.org/abs/1608.07690
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.attribution.tilt.geometry import (
    PAPER,
    Doubles,
    angle,
    mean_distance,
    types,
    unit_vector,
)
from engine.attribution.tilt.linear import LEARNERS, ClassPair, Fit, class_pair, family
from engine.core.method import Method, Progress, Slider, defaults, part_of, quiet, setting
from engine.core.result import Grids, Result, Table
from engine.evaluation.experiment import ExperimentCase

STRENGTHS = tuple(float(f"{10 ** (half / 2):.3g}") for half in range(-12, 7))  # λ, 1e-6 to 1e3
TENTHS = 10  # parts of the directions, by the variance along them


@dataclass(frozen=True)
class TiltedBoundary(Method[ExperimentCase]):
    """How far the boundary between two classes is tilted, and what that gains and costs.

    Each linear classifier has a mirror image for every image: the same image seen on the other side
    of the boundary, which gets the other label with the same confidence. Where the boundary stands
    across the line between the two class means, mirror images look like the other class. Where it
    is tilted by an angle θ, they are 1 / cos θ times closer (the *strength*), and look like the
    image itself with noise on it: an adversarial example. λ, in units of the mean variance within
    the classes, says how strongly the classifier is regularized: with a large one it only compares
    an image with the two means, with a small one it follows directions in which images hardly vary.
    Right answers are shares of training images and of held-out images of the two classes. The
    confidence is that of two Gaussians with the classes' means and mean variance along the normal.
    """

    name = "TiltedBoundary"
    family = "attribution"
    title = "Tilted boundary"
    cost = "wait"
    paper = PAPER
    proof = (
        "tests/engine/attribution/tilt/test_boundary.py"
        "::test_strength_is_the_ratio_of_mirror_distances_and_one_over_the_cosine"
    )
    argument_defaults = defaults(data="mnist-5k")

    first: int = setting(2, Slider(0, 99, 1), "One class", "Its number, from 0.")
    second: int = setting(3, Slider(0, 99, 1), "Other class", "Its number, from 0.")
    share: int = setting(
        100,
        Slider(5, 100, 5, "%"),
        "Training images",
        "Share of the training images of the two "
        "classes that are learned. With fewer, more tilt is overfitted.",
    )

    def pair(self, case: ExperimentCase) -> ClassPair:
        """The two classes as points. Raises BlindspotError."""
        return class_pair(case.data, self.first, self.second, self.share / 100, case.seed)

    def __call__(self, case: ExperimentCase, progress: Progress = quiet) -> Result:
        """Views: classifiers, weights, variances, carried.

        Classifiers has a row for each learner and λ: the angle in degrees, the strength as it is
        measured on training images, right answers, the type, and offset and slope: the logit of an
        image is the slope times its distance. Weights are the normals, (λ, learners, H, W). The
        directions in which images differ are sorted by the variance within the classes and cut
        into tenths: variances are the means of these, and carried, (λ, learners, 1, tenths), is
        how much of the normal's squared length lies in each.
        """
        pair = self.pair(case)
        nearest = mean_distance(*self.by_class(pair), pair.apart)
        rows: list[tuple[float, ...]] = []
        normals = np.empty((len(LEARNERS), len(STRENGTHS), len(pair.apart)))
        carried = np.empty((len(LEARNERS), len(STRENGTHS), 1, TENTHS))
        for number, learner in enumerate(LEARNERS):
            part = part_of(progress, number / len(LEARNERS), (number + 1) / len(LEARNERS))
            fits = family(pair, learner, STRENGTHS, part)
            for at, (strength, fit) in enumerate(zip(STRENGTHS, fits, strict=True)):
                rows.append((number, strength, *self.measured(pair, fit, nearest)))
                normals[number, at] = unit_vector(fit[0])
                carried[number, at, 0] = shares(pair, fit[0])
        progress(1.0, "measured")
        height, width = pair.shape
        weights = normals.reshape(*normals.shape[:2], height, width).swapaxes(0, 1)
        return {
            "classifiers": classifier_table(rows, len(pair.test)),
            "weights": Grids(weights.astype(np.float32), "weight"),
            "variances": Table.of(
                {"variance": ([part.mean() for part in np.array_split(pair.variances, TENTHS)], "")}
            ),
            "carried": Grids(carried.swapaxes(0, 1).astype(np.float32), "share"),
        }

    @staticmethod
    def by_class(pair: ClassPair) -> tuple[Doubles, Doubles]:
        """The training images of each class."""
        return pair.train[~pair.second], pair.train[pair.second]

    def measured(self, pair: ClassPair, fit: Fit, nearest: float) -> tuple[float, ...]:
        """Angle, strength, right in training, right held out, offset and slope of one boundary.

        Args:
            pair: the two classes.
            fit: weights and offset.
            nearest: the mean distance to the boundary of the nearest-centroid classifier.
        """
        weights, length = fit[0], np.linalg.norm(fit[0])
        c, c0 = weights / length, fit[1] / length
        distance = mean_distance(*self.by_class(pair), c)
        variance = max(float(c @ pair.within @ c), 1e-12)
        right = [
            float(((points @ c + c0 > 0) == second).mean())
            for points, second in ((pair.train, pair.second), (pair.test, pair.test_second))
        ]
        return (
            angle(c, pair.apart),
            nearest / distance,
            *right,
            float(c0),
            # ln N(s; +m, v) − ln N(s; −m, v) = 2 m s / v
            2 * distance / variance,
        )

    def finding(self, case: ExperimentCase, result: Mapping[str, Any]) -> str:
        """Right answers and strength of ridge LDA with hardly any regularization, and at best."""
        table: Table = result["classifiers"]
        ridge = table.take(range(len(STRENGTHS)))
        best = int(np.argmax(ridge["right, held out"]))
        names = (case.data.classes[label] for label in (self.first, self.second))
        return f"{' and '.join(names)}: {of_row(ridge, best)}; {of_row(ridge, 0)}."


def shares(pair: ClassPair, weights: Doubles) -> Doubles:
    """How much of a normal's squared length lies in each tenth of the directions, (TENTHS,)."""
    squared_cosines = (unit_vector(weights) @ pair.axes) ** 2
    return np.array([part.sum() for part in np.array_split(squared_cosines, TENTHS)])


def classifier_table(rows: list[tuple[float, ...]], tested: int) -> Table:
    """The classifiers, a row for each, with the type of each among all of them."""
    learner, strengths, degrees, ratio, train, test, offset, slope = map(
        np.array, zip(*rows, strict=True)
    )
    columns: dict[str, tuple[Any, str]] = {
        "learner": (learner.astype(np.int64), ""),
        "λ": (strengths, ""),
        "angle": (degrees, "°"),
        "strength": (ratio, "times"),
        "right, training": (train, "share"),
        "right, held out": (test, "share"),
        "distance kept": (1 / ratio, "share"),
        "type": (types(degrees, 1 - test, tested), ""),
        "offset": (offset, ""),
        "slope": (slope, "logit"),
    }
    names = [
        f"{LEARNERS[int(kind)]}, λ = {at:g}" for kind, at in zip(learner, strengths, strict=True)
    ]
    return Table.of(columns, names)


def of_row(table: Table, row: int) -> str:
    """One classifier in words."""
    return (
        f"at λ = {table['λ'][row]:g} {100 * table['right, held out'][row]:.1f} % of held-out "
        f"images are right and mirror images {table['strength'][row]:.1f} times closer than they "
        "need be"
    )
