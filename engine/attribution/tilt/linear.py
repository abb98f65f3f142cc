"""Two classes as points, and three linear classifiers of them at any strength of regularization.

λ is in units of the mean variance within the classes, so that it means the same on any data. With
labels ± 1, ridge LDA minimizes the mean squared error, the linear SVM the mean hinge loss and
logistic regression the mean log loss; to each a multiple of |w|² is added. Both classes weigh the
same, so that all three turn into the nearest-centroid classifier as λ grows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.attribution.tilt.geometry import Doubles
from engine.core.errors import BlindspotError
from engine.core.keeping.lazy import lazy
from engine.core.method import Progress, quiet
from engine.vision.data import DataSet

RIDGE, SVM, LOGISTIC = LEARNERS = ("ridge LDA", "linear SVM", "logistic regression")
MOST_PIXELS = 1024  # of an image, so that an answer takes seconds
MOST_IMAGES = 1000  # of each class that are learned
NO_VARIANCE = 1e-20  # what rounding leaves of none
NONE = 1e-9  # a share of the largest singular value below which a direction is none

Fit = tuple[Doubles, float]  # weights (d,) and offset


@dataclass(frozen=True, eq=False)
class ClassPair:
    """Two classes as rows of gray pixels, in [0, 1].

    Args:
        train: (n, d), those that are learned.
        second: (n,), which of them are of the second class.
        test: (m, d), held out.
        test_second: (m,).
        rows: of the test images in the data.
        shape: of an image, (H, W).
    """

    train: Doubles
    second: NDArray[np.bool_]
    test: Doubles
    test_second: NDArray[np.bool_]
    rows: NDArray[np.int64]
    shape: tuple[int, int]

    @lazy
    def means(self) -> tuple[Doubles, Doubles]:
        """Of each class; they weigh the same, however many images each has."""
        return self.train[~self.second].mean(0), self.train[self.second].mean(0)

    @property
    def apart(self) -> Doubles:
        """The difference of the means."""
        first, second = self.means
        return np.asarray(second - first)

    @lazy
    def axes(self) -> Doubles:
        """Directions in which training images differ at all, (d, r): constant pixels are in none.

        They are those of the variance within the classes, the least first.
        """
        centered = self.train - self.train.mean(0)
        _, sizes, right_vectors = np.linalg.svd(centered, full_matrices=False)
        span = right_vectors[sizes > NONE * sizes[0]].T
        _, eigenvectors = np.linalg.eigh(span.T @ self.within @ span)
        return np.asarray(span @ eigenvectors)

    @lazy
    def within(self) -> Doubles:
        """The covariance within the classes, both weighing the same, (d, d)."""
        groups = [self.train[~self.second], self.train[self.second]]
        # ddof 0: with it (S_w + λ I)⁻¹ d has the direction of the least squares fit to ± 1 exactly
        return np.asarray(np.mean([np.cov(group.T, bias=True) for group in groups], 0))

    @lazy
    def variances(self) -> Doubles:
        """Within the classes along each of the axes, (r,), the least first; 0 can be among them."""
        return np.maximum(((self.within @ self.axes) * self.axes).sum(0), 0.0)

    @property
    def typical(self) -> list[int]:
        """Rows of held-out images, the classes in turn: first those as far as the mean of theirs.

        Far from the boundary of the nearest-centroid classifier, that is.
        """
        projections = self.test @ self.apart
        class_rows = []
        for second, mean in zip((False, True), self.means, strict=True):
            members = np.flatnonzero(self.test_second == second)
            order = np.argsort(abs(projections[members] - mean @ self.apart), kind="stable")
            class_rows.append(self.rows[members[order]].tolist())
        return [row for turn in zip(*class_rows, strict=False) for row in turn]

    @property
    def mean_variance(self) -> float:
        """Within the classes, over all pixels."""
        return float(np.trace(self.within) / len(self.within))


def class_pair(data: DataSet, first: int, second: int, share: float, seed: int) -> ClassPair:
    """Two classes of a data set; what is not for training is held out.

    Args:
        data: the images; color is averaged.
        first, second: the classes.
        share: of the training images that are learned.
        seed: draws them.

    Raises:
        BlindspotError: the classes are the same, too few or too large.
    """
    if first == second:
        raise BlindspotError("A class cannot be told from itself: choose two.")
    for number in (first, second):
        if not 0 <= number < len(data.classes):
            raise BlindspotError(
                f"{data.card.title} has no class {number}: choose from 0 to "
                f"{len(data.classes) - 1}."
            )
    if (pixels := int(np.prod(data.images.shape[2:]))) > MOST_PIXELS:
        raise BlindspotError(
            f"{data.card.title} has images of {pixels:,} pixels, and a boundary is drawn for at "
            f"most {MOST_PIXELS:,}: choose data with smaller ones."
        )
    rng = np.random.default_rng([seed, 71])
    learned, held_out = [], []
    for label in (first, second):
        rows = data.rows("train")
        rows = rows[data.labels[rows] == label]
        count = min(round(share * len(rows)), MOST_IMAGES)
        learned.append(np.sort(rng.permutation(rows)[:count]))
        others = np.concatenate([data.rows("test"), data.rows("validation")])
        held_out.append(others[data.labels[others] == label][:MOST_IMAGES])
        if count < 2 or not len(held_out[-1]):
            raise BlindspotError(
                f"{data.card.title} has too few images of “{data.classes[label]}”: two to learn "
                "from and one held out are needed."
            )
    train, test = np.concatenate(learned), np.concatenate(held_out)
    height, width = data.images.shape[2:]
    return ClassPair(
        gray(data, train),
        data.labels[train] == second,
        gray(data, test),
        data.labels[test] == second,
        test,
        (height, width),
    )


def gray(data: DataSet, rows: NDArray[np.int64]) -> Doubles:
    """Images as rows of gray pixels in [0, 1], (n, H·W)."""
    return np.asarray(data.images[rows].mean(1).reshape(len(rows), -1) / 255)


def family(
    pair: ClassPair, learner: str, strengths: Sequence[float], progress: Progress = quiet
) -> list[Fit]:
    """The boundaries of one learner, for each λ: weights (d,) and offset, on pixels.

    Raises:
        BlindspotError: nothing tells the two classes apart, or their images do not vary.
    """
    if not np.linalg.norm(pair.apart) > 0:
        raise BlindspotError("The two classes have the same mean: nothing tells them apart here.")
    if not pair.mean_variance > NO_VARIANCE:
        raise BlindspotError(
            "All training images of each class are alike: λ is in units of how much they vary."
        )
    data_mean = pair.train.mean(0)
    # exact: |w|² keeps all three learners' weights in the span of the images
    points = (pair.train - data_mean) @ pair.axes
    difference = pair.apart @ pair.axes
    center = (sum(pair.means) / 2 - data_mean) @ pair.axes
    fit = FITS[learner](points, pair.second, difference, center, pair.variances)
    results = []
    for number, strength in enumerate(strengths):
        progress(number / len(strengths), f"{learner}, λ = {strength:g}")
        weights, offset = fit(strength * pair.mean_variance)
        pixels = pair.axes @ weights
        # the fit was of centered images
        results.append((pixels, float(offset - pixels @ data_mean)))
    return results


Fitting = Callable[[float], Fit]  # of the weight of |w|²


def ridge(
    points: Doubles,
    second: NDArray[np.bool_],
    mean_difference: Doubles,
    center: Doubles,
    variances: Doubles,
) -> Fitting:
    """(S_w + λ I)⁻¹ d, through the middle between the means; axes are those of S_w."""
    del points, second

    def fit(weight: float) -> Fit:
        result = mean_difference / (variances + weight)
        return result, float(-result @ center)

    return fit


def svm(
    points: Doubles,
    second: NDArray[np.bool_],
    mean_difference: Doubles,
    center: Doubles,
    variances: Doubles,
) -> Fitting:
    """Hinge loss, by its dual; the offset is not regularized, see `hinge_offset`."""
    from sklearn.svm import SVC

    del mean_difference, center, variances
    gram = points @ points.T

    def fit(weight: float) -> Fit:
        machine = SVC(
            kernel="precomputed",
            C=1 / (len(points) * weight),
            class_weight="balanced",
            tol=1e-4,
            max_iter=1_000_000,
            random_state=0,
        )
        machine.fit(gram, second)
        result = machine.dual_coef_[0] @ points[machine.support_]
        return result, hinge_offset(points @ result, second)

    return fit


def hinge_offset(scores: Doubles, second: NDArray[np.bool_]) -> float:
    """The offset with the least hinge loss of scores (n,); the middle, where several have it.

    The solver's own is any of these: with much regularization, one that gives a single answer.
    """
    weights = np.where(second, 1 / second.sum(), 1 / (~second).sum())
    places = np.where(second, 1.0, -1.0) - scores  # where an image's loss begins or ends
    order = np.argsort(places, kind="stable")
    # left of all places the second class alone loses, with slope −Σ weights = −1
    slope = np.cumsum(weights[order]) - 1  # right of each place
    at = int(np.argmax(slope > -1e-9))
    flat = abs(slope[at]) <= 1e-9 and at + 1 < len(places)
    ends = places[order[at]], places[order[at + 1 if flat else at]]
    return float(sum(ends) / 2)


def logistic(
    points: Doubles,
    second: NDArray[np.bool_],
    mean_difference: Doubles,
    center: Doubles,
    variances: Doubles,
) -> Fitting:
    """Log loss, by Newton's method."""
    from sklearn.linear_model import LogisticRegression

    del mean_difference, center, variances

    def fit(weight: float) -> Fit:
        machine = LogisticRegression(
            C=1 / (len(points) * weight),
            class_weight="balanced",
            solver="newton-cholesky",
            tol=1e-6,
            max_iter=200,
            random_state=0,
        )
        machine.fit(points, second)
        return machine.coef_[0], float(machine.intercept_[0])

    return fit


FITS = {RIDGE: ridge, SVM: svm, LOGISTIC: logistic}
