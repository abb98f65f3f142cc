"""SMOTE as an experiment: rare images are multiplied, and their spread shrinks.

Chawla et al., "SMOTE: Synthetic Minority Over-sampling Technique" (2002), JAIR 16,
https://arxiv.org/abs/1106.1813
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from engine.anomaly.flat import (
    Doubles,
    Flags,
    Ints,
    main_axes,
    pixels,
    require_rows,
    vectors_to_images,
)
from engine.anomaly.smote.between import in_danger, neighbors, smote, spread_of
from engine.anomaly.smote.drawings import DRAWINGS, DRAWN, REAL, SEGMENTS
from engine.core.errors import BadData
from engine.core.method import Choice, Slider, Switch, defaults, setting
from engine.core.result import Pictures, Result, Table
from engine.core.run import answer
from engine.evaluation.detection.case import DataCase
from engine.evaluation.detection.extract import Extract
from engine.evaluation.experiment import Claim, ClosedFormExperiment, ExperimentCase, Figures
from engine.evaluation.measures.detection import roc, roc_hull
from engine.vision.data import DataSet
from engine.vision.models import catalog

AS_IT_IS, FEWER, COPIES = "as it is", "as few others", "copies"
NEAREST, ANY = "SMOTE, nearest", "SMOTE, any two"
HULL_OF = (AS_IT_IS, COPIES, NEAREST)  # whose hulls are drawn
RECALL, AUC, HULL = "rare images found", "AUC", "area under the hull"
FLAGGED, SPREAD = "rare images unlike any known", "spread of what is added"
LEARNERS = ("decision tree", "naive Bayes", "logistic regression")
UNLIKE = 0.95  # quantile of other classes' held-out distances, beyond which an image is flagged
OTHERS_SHARES = (1.0, 0.5, 0.25, 0.1, 0.05)  # shares of the others, whose ROC curves make a hull
PLACES = np.concatenate([np.arange(0, 0.1, 0.005), np.linspace(0.1, 1, 46)])  # of hulls, as drawn
POINTS = 60  # of SMOTE in the projection, at most
PIXELS, FEATURES = "pixels", "features"
PICTURED_IMAGES = 6  # images of each kind in the picture
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
        "It ranks better than leaving others out",
        "AUC above that with only as many others as rare images",
        lambda of: of(NEAREST, AUC) - of(FEWER, AUC),
    ),
    Claim(
        "With it, leaving others out gives better choices",
        "a larger area under the hull of the ROC curves with all to a twentieth of the others",
        lambda of: of(NEAREST, HULL) - of(AS_IT_IS, HULL),
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
    """One rare class against all others, as vectors of pixels, features or main components."""

    label: int
    rare: Doubles  # (n, D)
    others: Doubles  # (N, D)
    held_out: Doubles  # others that nobody learns from
    test: Doubles
    is_rare: Flags  # (test,)
    mean: Doubles | None = None  # of the vectors, where they are seen as main components
    axes: Doubles | None = None  # (vectors, D)
    known: tuple[Doubles, Doubles] | None = None  # features of training images, and their pixels

    def pixels(self, points: Doubles) -> Doubles:
        """Vectors (n, D) as pixels; features as the training image that is nearest to them."""
        from scipy.spatial.distance import cdist

        if self.mean is not None and self.axes is not None:
            points = np.asarray(points @ self.axes.T + self.mean)
        if self.known is None:
            return points
        features, images = self.known
        return images[cdist(points, features).argmin(1)]

    def fewer(self, count: int, rng: np.random.Generator) -> Imbalanced:
        """With so many of the others, drawn."""
        rows = np.sort(rng.permutation(len(self.others))[:count])
        return replace(self, others=self.others[rows])

    def along(self, count: int) -> Imbalanced:
        """As main components of the training images, at most so many."""
        mean, axes, _ = main_axes(np.concatenate([self.others, self.rare]), count)
        parts = {
            name: (getattr(self, name) - mean) @ axes
            for name in ("rare", "others", "held_out", "test")
        }
        return replace(self, mean=mean, axes=axes, **parts)


@dataclass(frozen=True)
class SmoteExperiment(ClosedFormExperiment):
    """Does it help to invent images of a rare class between its real ones?

    One class, another with each seed, keeps a few images only; all others stay. SMOTE draws a rare
    image, one of its nearest rare neighbors, and a point between the two. *Rare images found* is
    the recall of the learner on test images; *unlike any known* is the share of rare test images
    whose nearest known image is farther away than is usual for other classes (the same distance
    under all conditions). Controls: nothing added, as many plain copies, and, instead of more rare
    images, only as many others as there are rare ones. *The hull* is that of the learner's ROC
    curves when from all to a twentieth of the others are kept: whatever lies on it can be had by
    choosing how many. *Spread* is the total variance of what is added, as a share of the real rare
    images'. A mean of two independent images has less variance than one: at a uniform place between
    any two, two thirds. So a Gaussian fitted to a class that was balanced like this is too narrow.
    Blends of pixels look like ghosts and are no images that anyone has seen.
    """

    name = "SMOTE"
    revision = 2
    family = "anomaly"
    title = "Images between rare images (SMOTE)"
    paper = (
        "Chawla et al., SMOTE: Synthetic Minority Over-sampling Technique (2002), "
        "https://arxiv.org/abs/1106.1813"
    )
    question = "Does it help to invent images of a rare class between its real ones?"
    proof = (
        "tests/engine/anomaly/smote/test_smote.py"
        "::test_the_covariance_of_what_it_draws_is_its_closed_form"
    )
    data = ("digits", "mnist-5k")
    argument_defaults = defaults(data="digits")
    measures = (RECALL, AUC, HULL, FLAGGED, SPREAD)
    claims = CLAIMS
    drawings = DRAWINGS

    kept: int = setting(
        15, Slider(3, 100, 1), "Rare images", "How many images of the rare class are kept."
    )
    k: int = setting(
        5,
        Slider(1, 25, 1),
        "Neighbors",
        "Among how many nearest rare images a partner is drawn; at most all others.",
    )
    amount: int = setting(
        0,
        Slider(0, 1000, 50, "%"),
        "Amount",
        "How many images are added, in percent of the rare "
        "ones; 0 adds as many as make the rare class as large as all others together.",
    )
    others: int = setting(
        100,
        Slider(5, 100, 5, "%"),
        "Others kept",
        "Share of the other training images that the "
        "learner sees, under every condition but “as few others”.",
    )
    box: bool = setting(
        False,
        Switch(),
        "Each pixel on its own",
        "The place between two images is drawn for every "
        "pixel, as in the paper's pseudo-code, instead of once, as in its text.",
    )
    borderline: bool = setting(
        False,
        Switch(),
        "From the border only",
        "New images start from rare images of whose "
        "nearest training images half or more, but not all, are others (Borderline-SMOTE); from "
        "all where there is none.",
    )
    components: int | None = setting(
        None,
        Slider(2, 50, 1, off="pixels", start=20),
        "Main components",
        "Neighbors, new images "
        "and learner see the images along so many directions of most variance.",
    )
    space: str = setting(
        PIXELS,
        Choice((PIXELS, FEATURES)),
        "Seen as",
        "Whether neighbors, new images and learner "
        "see pixels, or what the last layer of a shipped network sees. That network has learned "
        "from all images, the rare class's too: it is no proof that features help with a class "
        "that is really rare. Features are drawn as the training image nearest to them.",
    )
    learner: str = setting(
        "decision tree", Choice(LEARNERS), "Learner", "What learns rare against all others."
    )

    def conditions(self, case: ExperimentCase) -> Mapping[str, Callable[[], Figures]]:
        """Nothing added, fewer others, copies, SMOTE between nearest and between any two."""
        ways = (AS_IT_IS, FEWER, COPIES, NEAREST, ANY)
        return {way: partial(self.measured, way, case) for way in ways}

    def measured(self, way: str, case: ExperimentCase) -> Figures:
        """Recall, AUC and hull of the learner, rare images flagged, spread of what is added."""
        from scipy.spatial.distance import cdist
        from sklearn.metrics import roc_auc_score

        sample = self.given(way, case)
        added = self.added(way, sample, case)
        probability = self.learned(sample, added, case)
        training_points = np.concatenate([sample.others, sample.rare, added])
        others = self.given(AS_IT_IS, case).others  # one measure for all conditions
        # from held-out images: of those in the bank the nearest would be themselves
        normal_distance = np.quantile(cdist(sample.held_out, others).min(1), UNLIKE)
        distances = cdist(sample.test[sample.is_rare], training_points).min(1)
        x, y = self.hull(way, case)
        return {
            RECALL: float((probability[sample.is_rare] > 0.5).mean()),
            AUC: float(roc_auc_score(sample.is_rare, probability)),
            HULL: float(np.trapezoid(y, x)),
            FLAGGED: float((distances > normal_distance).mean()),
            SPREAD: spread_of(added if len(added) else sample.rare) / spread_of(sample.rare),
        }

    def more(self, case: ExperimentCase) -> Result:
        """With the case's seed: hulls at the same places, as shares of test images; projection."""
        columns = {way: (np.interp(PLACES, *self.hull(way, case)), "share") for way in HULL_OF}
        hulls = Table.of({"false alarms": (PLACES, "share"), **columns})
        return {"hulls": hulls, "projection": self.projection(case)}

    def projection(self, case: ExperimentCase) -> Table:
        """Real rare images, some of SMOTE's, and the segments on which it may draw.

        Columns are places along the two directions in which the real ones differ most. A segment
        is two rows, and a row of NaN behind it. With `box` there are none: an image may then lie
        anywhere in the box that two real ones span.
        """
        sample = self.given(NEAREST, case)
        near = neighbors(sample.rare, self.k)
        rows = self.starts(sample)
        begin, end = sample.rare[rows].repeat(near.shape[1], 0), sample.rare[near[rows].ravel()]
        segments = np.stack([begin, end, np.full_like(end, np.nan)], 1).reshape(-1, end.shape[1])
        if self.box:
            segments = segments[:0]
        synthetic = self.added(NEAREST, sample, case)[:POINTS]
        mean, axes, _ = main_axes(sample.rare, 2)
        flat = (np.concatenate([segments, synthetic, sample.rare]) - mean) @ axes[:, ::-1]
        names = [SEGMENTS] * len(segments) + [DRAWN] * len(synthetic) + [REAL] * len(sample.rare)
        columns = {"first direction": (flat[:, 0], ""), "second direction": (flat[:, 1], "")}
        return Table.of(columns, names)

    def given(self, way: str, case: ExperimentCase) -> Imbalanced:
        """The images that one condition begins with."""
        result = imbalanced(case, self.kept, self.space)
        if self.components is not None:
            result = result.along(self.components)
        count = max(2, len(result.others) * self.others // 100)
        if way == FEWER:
            count = len(result.rare)
        return result.fewer(count, np.random.default_rng([case.seed, 40]))

    def learned(self, given: Imbalanced, added: Doubles, case: ExperimentCase) -> Doubles:
        """Probability of each test image to be rare, (test,)."""
        training_points = np.concatenate([given.others, given.rare, added])
        learner = learner_of(self.learner, case.seed)
        learner.fit(training_points, np.arange(len(training_points)) >= len(given.others))
        return np.asarray(learner.predict_proba(given.test)[:, 1])

    def hull(self, way: str, case: ExperimentCase) -> tuple[Doubles, Doubles]:
        """Of the ROC curves with fewer and fewer others, and the same images added."""
        full_sample = self.given(AS_IT_IS if way == FEWER else way, case)
        added = self.added(way, full_sample, case)
        rng = np.random.default_rng([case.seed, 41])
        curves = []
        for share in OTHERS_SHARES:
            sample = full_sample.fewer(max(2, round(share * len(full_sample.others))), rng)
            probabilities = self.learned(sample, added, case)
            curves.append(roc(probabilities[~sample.is_rare], probabilities[sample.is_rare]))
        return roc_hull(curves)

    def added(self, way: str, sample: Imbalanced, case: ExperimentCase) -> Doubles:
        """What the rare class gets under one condition, (count, D)."""
        rng = np.random.default_rng([case.seed, 31])
        n = len(sample.rare)
        balanced = max(0, len(sample.others) - n)
        count = n * self.amount // 100 if self.amount else balanced
        if way in {AS_IT_IS, FEWER}:
            return sample.rare[:0]
        if way == COPIES:
            return sample.rare[rng.integers(0, n, count)]
        k = self.k if way == NEAREST else n
        return smote(sample.rare, count, k, rng, box=self.box, starts=self.starts(sample))

    def starts(self, sample: Imbalanced) -> Ints:
        """Rows of the rare images that a new one may start from."""
        every = np.arange(len(sample.rare))
        some = in_danger(sample.rare, sample.others, self.k) if self.borderline else every
        return some if len(some) else every

    def picture(self, case: ExperimentCase) -> Pictures:
        """Rare images, and SMOTE's between nearest and between any two; their mean and spread."""
        sample = self.given(AS_IT_IS, case)
        rows = {
            f"{len(sample.rare)} real": sample.rare,
            **{way: self.added(way, sample, case) for way in (NEAREST, ANY)},
        }
        count = min(PICTURED_IMAGES, len(sample.rare))
        rows = {name: group for name, group in rows.items() if len(group) >= count}
        picture_rows = [
            np.stack([*group_pixels[:count], group_pixels.mean(0), BRIGHT * group_pixels.std(0)])
            for group_pixels in map(sample.pixels, rows.values())
        ]
        whole = spread_of(sample.rare)
        shares = [
            f"{spread_of(group) / whole * 100:.0f} % ({name})"
            for name, group in list(rows.items())[1:]
        ]
        return Pictures(
            np.stack([vectors_to_images(image, case.data) for image in picture_rows]),
            tuple(rows),
            (*map(str, range(1, count + 1)), "mean", f"spread × {BRIGHT:g}"),
            f"Total variance beside the real “{case.data.classes[sample.label]}”: "
            f"{', '.join(shares)}.",
        )


def imbalanced(case: ExperimentCase, rare_count: int, space: str = PIXELS) -> Imbalanced:
    """The rare class is the seed's; `rare_count` of its training images are drawn. Raises "
    "BadData."""
    data, label = case.data, case.seed % len(case.data.classes)
    train, test = require_rows(data, "train", 20), require_rows(data, "test", 20)
    order = np.random.default_rng([case.seed, 30]).permutation(train)
    rare, others = order[data.labels[order] == label], np.sort(order[data.labels[order] != label])
    held_out, is_rare = test[data.labels[test] != label], data.labels[test] == label
    kept_rare = pixels(data, rare[:rare_count])
    if len(np.unique(kept_rare, axis=0)) < 2 or not is_rare.any():
        raise BadData(
            f"SMOTE needs two different training images and a test image of "
            f"“{data.classes[label]}”: choose other data or another seed."
        )
    vectors, training_pairs = pixels(data, np.arange(len(data))), None
    if space == FEATURES:
        images, vectors = vectors, features(data)
        training = np.concatenate([others, rare[:rare_count]])
        training_pairs = vectors[training], images[training]
    return Imbalanced(
        label,
        vectors[rare[:rare_count]],
        vectors[others],
        vectors[held_out],
        vectors[test],
        is_rare,
        known=training_pairs,
    )


def features(data: DataSet) -> Doubles:
    """What the last layer of the shipped network for this data sees, (N, D), kept once computed.

    Raises:
        BadData: no network that ships learned from such data.
    """
    ways = [
        small_model.name
        for small_model in catalog.trained_on(data.name)
        if catalog.ships(small_model.name)
    ]
    if not ways:
        raise BadData(
            f"No network that ships learned from {data.card.title}: choose pixels instead."
        )
    result = answer(Extract(), DataCase(catalog.load(ways[0]), data))
    return np.asarray(result["features"].values, np.float64)


def learner_of(name: str, seed: int) -> Any:
    """One of LEARNERS, untrained."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.tree import DecisionTreeClassifier

    match name:
        case "decision tree":
            return DecisionTreeClassifier(random_state=seed)
        case "naive Bayes":
            # pixels that are always 0 have no variance, and would decide alone
            return GaussianNB(var_smoothing=1e-3)
        case _:
            return LogisticRegression(max_iter=1000)
