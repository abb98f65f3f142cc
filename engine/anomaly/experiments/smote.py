"""SMOTE as an experiment: rare images are multiplied, and their spread shrinks.

Chawla et al., "SMOTE: Synthetic Minority Over-sampling Technique" (2002), JAIR 16,
https://arxiv.org/abs/1106.1813
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from engine.anomaly.experiments.flat import Doubles, Flags, Ints, enough, gray, pixels
from engine.errors import BadData
from engine.experiment import Claim, ClosedFormExperiment, ExperimentCase, Figures
from engine.method import Choice, Slider, Switch, defaults, setting
from engine.result import Pictures

AS_IT_IS, COPIES, NEAREST, ANY = "as it is", "copies", "SMOTE, nearest", "SMOTE, any two"
RECALL, AUC = "rare images found", "AUC"
FLAGGED, SPREAD = "rare images unlike any known", "spread of what is added"
LEARNERS: Mapping[str, Callable[[int], Any]] = {
    "decision tree": lambda seed: DecisionTreeClassifier(random_state=seed),
    "naive Bayes": lambda _: GaussianNB(var_smoothing=1e-3),
    "logistic regression": lambda _: LogisticRegression(max_iter=1000),
}
UNLIKE = 0.95  # quantile of other classes' held-out distances, beyond which an image is flagged
SHOWN = 6  # images of each kind in the picture
BRIGHT = 2.0  # times a spread (standard deviation) is drawn

CLAIMS = (
    Claim(
        "SMOTE finds more of the rare class",
        "recall at least 10 points above that without it",
        lambda of: of(NEAREST, RECALL) - of(AS_IT_IS, RECALL) - 0.1,
    ),
    Claim(
        "The ranking does not suffer",
        "AUC no lower than without it",
        lambda of: of(NEAREST, AUC) - of(AS_IT_IS, AUC),
    ),
    Claim(
        "Synthetic images help more than copies",
        "recall above that with as many copies",
        lambda of: of(NEAREST, RECALL) - of(COPIES, RECALL),
    ),
    Claim(
        "Between any two images, the spread shrinks to two thirds",
        "within 5 points of 2/3 of the rare images' total variance",
        lambda of: 0.05 - abs(of(ANY, SPREAD) - 2 / 3),
    ),
    Claim(
        "Between nearest images less of the spread is lost",
        "more variance than between any two",
        lambda of: of(NEAREST, SPREAD) - of(ANY, SPREAD),
    ),
    Claim(
        "Rare images become less unusual",
        "fewer rare test images farther from all known images than 95 % of held-out others are",
        lambda of: of(AS_IT_IS, FLAGGED) - of(NEAREST, FLAGGED),
    ),
)


@dataclass(frozen=True, eq=False)
class Imbalanced:
    """One rare class against all others, as vectors of pixels."""

    label: int
    rare: Doubles  # (n, D)
    others: Doubles  # (N, D)
    held_out: Doubles  # others that nobody learns from
    test: Doubles
    is_rare: Flags  # (test,)


@dataclass(frozen=True)
class SmoteExperiment(ClosedFormExperiment):
    """Does it help to invent images of a rare class between its real ones?

    One class, another with each seed, keeps a few images only; all others stay. SMOTE draws a rare
    image, one of its nearest rare neighbors, and a point between the two. *Rare images found* is
    the recall of the learner on test images; *unlike any known* is the share of rare test images
    whose nearest known image is farther away than is usual for other classes. Controls: nothing
    added, and as many plain copies. *Spread* is the total variance of what is added, as a share of
    the real rare images'. A mean of two independent images has less variance than one: at a uniform
    place between any two, two thirds. So a Gaussian fitted to a class that was balanced like this
    is too narrow. Blends of pixels look like ghosts and are no images that anyone has seen.
    """

    name = "SMOTE"
    family = "anomaly"
    title = "Images between rare images (SMOTE)"
    paper = (
        "Chawla et al., SMOTE: Synthetic Minority Over-sampling Technique (2002), "
        "https://arxiv.org/abs/1106.1813"
    )
    question = "Does it help to invent images of a rare class between its real ones?"
    proof = (
        "tests/engine/anomaly/test_smote.py"
        "::test_the_covariance_of_what_it_draws_is_its_closed_form"
    )
    data = ("digits", "mnist-5k")
    argument_defaults = defaults(data="digits")
    measures = (RECALL, AUC, FLAGGED, SPREAD)
    claims = CLAIMS

    kept: int = setting(
        15, Slider(3, 100, 1), "Rare images", "How many images of the rare class are kept."
    )
    k: int = setting(
        5, Slider(1, 25, 1), "Neighbors", "Among how many nearest rare images a partner is drawn; "
        "at most all others.",
    )  # fmt: skip
    amount: int = setting(
        0, Slider(0, 1000, 50, "%"), "Amount", "How many images are added, in percent of the rare "
        "ones; 0 adds as many as make the rare class as large as all others together.",
    )  # fmt: skip
    box: bool = setting(
        False, Switch(), "Each pixel on its own", "The place between two images is drawn for every "
        "pixel, as in the paper's pseudo-code, instead of once, as in its text.",
    )  # fmt: skip
    learner: str = setting(
        "decision tree", Choice(tuple(LEARNERS)), "Learner", "What learns rare against all others."
    )

    def conditions(self, case: ExperimentCase) -> Mapping[str, Callable[[], Figures]]:
        """Nothing added, copies, and SMOTE between nearest and between any two rare images."""
        ways = (AS_IT_IS, COPIES, NEAREST, ANY)
        return {way: partial(self.measured, way, case) for way in ways}

    def measured(self, way: str, case: ExperimentCase) -> Figures:
        """Recall and AUC of the learner, rare test images flagged, spread of what is added."""
        given = imbalanced(case, self.kept)
        added = self.added(way, given, case)
        known = np.concatenate([given.others, given.rare, added])
        is_rare = np.arange(len(known)) >= len(given.others)
        learner = LEARNERS[self.learner](case.seed).fit(known, is_rare)
        probability = learner.predict_proba(given.test)[:, 1]
        usual = np.quantile(cdist(given.held_out, given.others).min(1), UNLIKE)
        away = cdist(given.test[given.is_rare], known).min(1)
        return {
            RECALL: float((probability[given.is_rare] > 0.5).mean()),
            AUC: float(roc_auc_score(given.is_rare, probability)),
            FLAGGED: float((away > usual).mean()),
            SPREAD: spread_of(added if len(added) else given.rare) / spread_of(given.rare),
        }

    def added(self, way: str, given: Imbalanced, case: ExperimentCase) -> Doubles:
        """What the rare class gets under one condition, (count, D)."""
        rng = np.random.default_rng([case.seed, 31])
        n = len(given.rare)
        balanced = max(0, len(given.others) - n)
        count = n * self.amount // 100 if self.amount else balanced
        if way == AS_IT_IS:
            return given.rare[:0]
        if way == COPIES:
            return given.rare[rng.integers(0, n, count)]
        return smote(given.rare, count, self.k if way == NEAREST else n, rng, box=self.box)

    def picture(self, case: ExperimentCase) -> Pictures:
        """Rare images, and SMOTE's between nearest and between any two; their mean and spread."""
        given = imbalanced(case, self.kept)
        rows = {
            f"{len(given.rare)} real": given.rare,
            **{way: self.added(way, given, case) for way in (NEAREST, ANY)},
        }
        rows = {name: one for name, one in rows.items() if len(one) >= SHOWN}
        drawn = [
            np.stack([*one[:SHOWN], one.mean(0), BRIGHT * one.std(0)]) for one in rows.values()
        ]
        whole = spread_of(given.rare)
        shares = [f"{spread_of(one) / whole * 100:.0f} % ({name})" for name, one in rows.items()]
        return Pictures(
            np.stack([gray(one, case.data) for one in drawn]), tuple(rows),
            (*map(str, range(1, SHOWN + 1)), "mean", f"spread × {BRIGHT:g}"),
            f"“{case.data.classes[given.label]}” is the rare class. Of the real images' total "
            f"variance, they have {', '.join(shares)}.",
        )  # fmt: skip


def imbalanced(case: ExperimentCase, kept: int) -> Imbalanced:
    """The rare class is the seed's; `kept` of its training images are drawn. Raises BadData."""
    data, label = case.data, case.seed % len(case.data.classes)
    train, test = enough(data, "train", 20), enough(data, "test", 20)
    order = np.random.default_rng([case.seed, 30]).permutation(train)
    rare, others = order[data.labels[order] == label], np.sort(order[data.labels[order] != label])
    held_out, is_rare = test[data.labels[test] != label], data.labels[test] == label
    kept_rare = pixels(data, rare[:kept])
    if len(np.unique(kept_rare, axis=0)) < 2 or not is_rare.any():
        raise BadData(
            f"SMOTE needs two different training images and a test image of "
            f"“{data.classes[label]}”: choose other data or another seed."
        )
    return Imbalanced(
        label, kept_rare, pixels(data, others), pixels(data, held_out), pixels(data, test), is_rare
    )


def neighbors(points: Doubles, k: int) -> Ints:
    """The k nearest other points of each, (n, at most k)."""
    distances = cdist(points, points)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, 1, kind="stable")[:, : min(k, len(points) - 1)]


def smote(
    points: Doubles, count: int, k: int, rng: np.random.Generator, *, box: bool = False
) -> Doubles:
    """Points between a point and one of its k nearest, (count, D).

    Args:
        points: of the rare class, (n, D).
        count: how many are drawn.
        k: neighbors; at most n − 1 are taken.
        rng: draws pairs and places.
        box: whether each coordinate has its own place between the two.
    """
    near = neighbors(points, k)
    pair = rng.integers(0, near.size, count)
    start, end = points[pair // near.shape[1]], points[near.ravel()[pair]]
    return start + rng.random((count, points.shape[1] if box else 1)) * (end - start)


def covariance(points: Doubles, k: int, *, box: bool = False) -> NDArray[np.float64]:
    """The covariance (D, D) of a point that `smote` draws, in closed form.

    With step d from x to its neighbor and u uniform, E[u] = 1/2 and E[u²] = 1/3; of two coordinates
    of a box E[u v] = 1/4.
    """
    near = neighbors(points, k)
    x = points.repeat(near.shape[1], 0)
    d = points[near.ravel()] - x
    steps = d.T @ d / len(d)
    square = steps / 3 if not box else steps / 4 + np.diag(np.diag(steps)) / 12
    cross = x.T @ d / len(d)
    mean = (x + d / 2).mean(0)
    second: NDArray[np.float64] = x.T @ x / len(x) + (cross + cross.T) / 2 + square
    return second - np.outer(mean, mean)


def spread_of(points: Doubles) -> float:
    """Total variance: the trace of the covariance."""
    return float(points.var(0).sum())
