"""Conformal p-values: how unusual one score is among normal ones, with a guarantee.

With n scores of normal images that neither the network, nor the bank, nor the line was fitted to,

    p(x) = (1 + #{i: s_i ≥ s(x)}) / (n + 1)

is at most α for a share of at most α of new normal images, whatever the score is. The smallest
value that can be reached is 1 / (n + 1). Vovk, Gammerman and Shafer, "Algorithmic Learning in a
Random World" (2005); for images that come in groups, such as slices of patients, Lee, Barber and
Willett, "Distribution-free inference with hierarchical data" (2023),
https://arxiv.org/abs/2306.06342.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadSetting, BlindspotError

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

RULES = POOLED, OF_CLASS, OF_GROUP = "among all", "among its class", "by group"  # of p-values
COUNTS = ("normal images", "of its class", "at least as unusual")
INDEPENDENT = 20  # normal images, or groups of them, below which there is no verdict
FEWEST = 20  # normal images of a class below which all classes are pooled
BAND = 0.9  # of the false-alarm rate's distribution


@dataclass(frozen=True, eq=False)
class Conformal:
    """Scores of normal images, ready to be compared with.

    Args:
        scores: (n,), of images that nothing was fitted to.
        predicted: (n,), the class the model saw in each; for class-conditional values.
        groups: (n,), such as the patient of each; None when every image stands for itself.

    Raises:
        BlindspotError: there is no normal image, or a score is no number.
    """

    scores: Doubles
    predicted: Ints | None = None
    groups: Ints | None = None

    def __post_init__(self) -> None:
        scores = np.asarray(self.scores, np.float64).ravel()
        if not len(scores):
            raise BlindspotError("There are no normal images left to compare with.")
        if not np.isfinite(scores).all():
            raise BlindspotError("A score of the normal images is not a finite number.")
        object.__setattr__(self, "scores", scores)

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def smallest(self) -> float:
        """The smallest p-value that can be reached, 1 / (n + 1)."""
        return 1 / (len(self) + 1)

    def p(self, scores: Doubles, generator: np.random.Generator | None = None) -> Doubles:
        """p-values (m,) of scores (m,).

        Args:
            scores: to be judged.
            generator: with it a tie counts by a random share, and p is exactly uniform on normal
                images; without it ties count in full, which errs on the calm side.
        """
        queries = np.asarray(scores, np.float64).ravel()
        ordered = np.sort(self.scores)
        least = len(self) - np.searchsorted(ordered, queries, "left")
        if generator is None:
            # + 1 for the image itself, one of n + 1 that are exchangeable: p is valid and never 0
            return np.asarray((1 + least) / (len(self) + 1))
        # the image counts among its own ties: share · (1 + ties), so that p is uniform on (0, 1)
        above = len(self) - np.searchsorted(ordered, queries, "right")
        share = generator.random(len(queries))
        return np.asarray((above + share * (1 + least - above)) / (len(self) + 1))

    def of_class(self, predicted: int) -> Conformal:
        """Only the normal images in which the model saw that class; all when they are too few.

        The predicted class is used on both sides, since a new image's true one is not known.
        """
        if self.predicted is None:
            return self
        same = self.predicted == predicted
        # with few of a class the smallest p that it can reach would decide, and not the image
        if same.sum() < FEWEST:
            return self
        groups = None if self.groups is None else self.groups[same]
        return Conformal(self.scores[same], self.predicted[same], groups)

    def p_by_class(self, scores: Doubles, predicted: Ints) -> Doubles:
        """Class-conditional (Mondrian) p-values (m,)."""
        queries = np.asarray(scores, np.float64).ravel()
        result = np.empty(len(queries))
        for label in np.unique(predicted):
            in_class = predicted == label
            result[in_class] = self.of_class(int(label)).p(queries[in_class])
        return result

    @property
    def smallest_by_group(self) -> float:
        """The smallest p-value that can be reached when groups are counted instead of images."""
        if self.groups is None:
            return float("nan")
        return 1 / (len(np.unique(self.groups)) + 1)

    def p_by_group(self, scores: Doubles) -> Doubles:
        """p-values (m,) that hold when whole groups, not images, are exchangeable; NaN without.

        p = (1 + Σ_g share of the group's scores that are at least s(x)) / (groups + 1).
        """
        queries = np.asarray(scores, np.float64).ravel()
        if self.groups is None:
            return np.full(len(queries), np.nan)
        total = np.zeros(len(queries))
        names = np.unique(self.groups)
        for name in names:
            group_scores = np.sort(self.scores[self.groups == name])
            total += 1 - np.searchsorted(group_scores, queries, "left") / len(group_scores)
        return np.asarray((1 + total) / (len(names) + 1))

    @property
    def independent(self) -> int:
        """How many normal images there are, or groups of them where images come in groups."""
        return len(self) if self.groups is None else len(np.unique(self.groups))

    def verdict_p(self, scores: Doubles) -> Doubles:
        """p-values (m,) that a verdict rests on: by group where images come in groups."""
        return self.p(scores) if self.groups is None else self.p_by_group(scores)

    def threshold(self, alpha: float) -> float:
        """The line above which an image is flagged, so that at most α of normal ones are.

        Raises:
            BadSetting: α is below the smallest p-value that can be reached, or no share.
        """
        rank = self.rank(alpha)
        # above the k-th highest at most k − 1 are as high, so p ≤ k / (n + 1) ≤ α
        return float(np.sort(self.scores)[len(self) - rank])

    def threshold_by_group(self, alpha: float) -> float:
        """The lowest line above which every score has a p-value by group of at most α.

        Raises:
            BadSetting: α is below the smallest p-value by group that can be reached.
        """
        if alpha < self.smallest_by_group - 1e-12:
            raise BadSetting(
                f"With {self.independent} groups of normal images no false-alarm rate below "
                f"{100 * self.smallest_by_group:.3g} % can be promised: choose at least that."
            )
        ordered = np.unique(self.scores)
        # just above each score: what equals it counts as at least as high
        is_rejected = self.p_by_group(np.nextafter(ordered, np.inf)) <= alpha + 1e-12
        return float(ordered[is_rejected][0])

    def rank(self, alpha: float) -> int:
        """k = ⌊α (n + 1)⌋: the line is the k-th highest normal score."""
        if not 0 < alpha < 1:
            raise BadSetting(f"A false-alarm rate lies between 0 and 1, not at {alpha:g}.")
        if alpha < self.smallest - 1e-12:
            raise BadSetting(
                f"With {len(self)} normal images no false-alarm rate below "
                f"{100 * self.smallest:.3g} % can be promised: choose at least that, or bring "
                f"more normal images ({int(np.ceil(1 / alpha)) - 1} for {100 * alpha:.3g} %)."
            )
        # 1e-9: a product that should be whole must not fall to the next lower k by rounding
        return int(np.floor(alpha * (len(self) + 1) + 1e-9))

    def band(self, alpha: float, share: float = BAND) -> tuple[float, float]:
        """Where the true false-alarm rate lies, in that share of all sets of n normal images.

        It is distributed Beta(k, n + 1 − k) over the draw of the n images.
        """
        from scipy.stats import beta

        rank = self.rank(alpha)
        result = beta.ppf([(1 - share) / 2, (1 + share) / 2], rank, len(self) + 1 - rank)
        return float(result[0]), float(result[1])


def benjamini_hochberg(p: Doubles, level: float) -> Flags:
    """Which images are flagged so that at most `level` of the flags are false on average.

    Benjamini and Hochberg 1995: the k smallest, for the largest k with p_(k) ≤ k · level / m.
    """
    if not 0 < level < 1:
        raise BadSetting(f"A share of false flags lies between 0 and 1, not at {level:g}.")
    values = np.asarray(p, np.float64)
    order = np.argsort(values, kind="stable")
    lines = level * np.arange(1, len(values) + 1) / max(len(values), 1)
    passed = np.flatnonzero(values[order] <= lines)
    flagged = np.zeros(len(values), np.bool_)
    if len(passed):
        # step-up: all below the last that passes, also those that miss their own line
        flagged[order[: passed[-1] + 1]] = True
    return flagged


def bonferroni(p: Doubles) -> float:
    """One p-value of several detectors asked about one image: m times the smallest, at most 1."""
    values = np.asarray(p, np.float64)
    # valid whatever the detectors' dependence, which is strong: they see the same features
    return float(min(1.0, len(values) * values.min()))
