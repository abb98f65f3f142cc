"""Logistic regression against naive Bayes as labels grow, and naive Bayes as a detector.

Zheng et al., "Revisiting Discriminative vs. Generative Classifiers: Theory and Implications"
(2023), https://arxiv.org/abs/2302.02334
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.anomaly.dis_vs_gen.bayes import Moments, NaiveBayes
from engine.anomaly.flat import Doubles, Ints, pixels, require_rows
from engine.core.errors import BadData
from engine.core.method import Slider, setting
from engine.core.pictures import tint
from engine.core.result import HeatMap, Pictures
from engine.evaluation.experiment import Claim, ClosedFormExperiment, ExperimentCase, Figures
from engine.evaluation.measures.agreement import cosine
from engine.evaluation.measures.detection import auroc
from engine.vision.data import DataSet

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

NB, LR, FREE = "naive Bayes right", "logistic regression right", "without its penalty right"
NB_FINDS, LR_FINDS = "naive Bayes, AUROC on unknown", "logistic regression, AUROC on unknown"
FEW, SOME, MANY, ALL = "30 labels", "100 labels", "400 labels", "all labels"
FEWEST, MOST = 20, 400
COUNTS = {f"{count} labels": count for count in (FEWEST, 30, 50, 100, 200, MOST)} | {ALL: 0}
KNOWN = 0.6  # share of the classes that the detectors know
WEAK = 1000  # times weaker is the penalty in the control
TRIES = 1000  # draws of labels until every class is among them

CLAIMS = (
    Claim(
        "With few labels naive Bayes is right more often",
        "with 30 labels above logistic regression",
        lambda of: of(FEW, NB) - of(FEW, LR),
    ),
    Claim(
        "With many labels logistic regression is",
        "with 400 labels above naive Bayes",
        lambda of: of(MANY, LR) - of(MANY, NB),
    ),
    Claim(
        "Naive Bayes needs fewer labels to come near its best",
        "with 100 labels it lacks less of its own best than logistic regression does",
        lambda of: (of(ALL, LR) - of(SOME, LR)) - (of(ALL, NB) - of(SOME, NB)),
    ),
    Claim(
        "Few labels favor naive Bayes whatever the penalty",
        "with 30 labels also above logistic regression with a penalty 1000 times weaker",
        lambda of: of(FEW, NB) - of(FEW, FREE),
    ),
    Claim(
        "The density of naive Bayes tells unknown classes best",
        "with all labels a higher AUROC than the largest probability of logistic regression",
        lambda of: of(ALL, NB_FINDS) - of(ALL, LR_FINDS),
    ),
)


@dataclass(frozen=True)
class DisVsGenExperiment(ClosedFormExperiment):
    """With few labels, is it better to model the images or the border between the classes?

    Naive Bayes models each class as a Gaussian whose pixels are independent and computes its
    weights in closed form; logistic regression fits the border. Both are linear on the same pixels,
    scaled to [0, 1] by the labeled images. *Right* is the share of test images. The control is
    logistic regression with a penalty 1000 times weaker: where it wins too, what few labels favor
    is the model, else it is the penalty. For *AUROC on unknown* both learn the first six tenths of
    the classes only; naive Bayes scores by its density, logistic regression by one minus its
    largest probability, and test images of the other classes are to be told. Each row of the
    picture has a scale of its own.
    """

    name = "DisVsGen"
    family = "anomaly"
    title = "Naive Bayes against logistic regression"
    paper = (
        "Zheng et al., Revisiting Discriminative vs. Generative Classifiers: Theory and "
        "Implications (2023), https://arxiv.org/abs/2302.02334"
    )
    question = "With few labels, is it better to model the images or the border between classes?"
    proof = (
        "tests/engine/anomaly/dis_vs_gen/test_dis_vs_gen.py"
        "::test_the_curves_cross_and_every_figure_is_that_of_a_slow_fit"
    )
    data = ("digits",)
    compared = tuple(COUNTS)
    measures = (NB, LR, FREE, NB_FINDS, LR_FINDS)
    claims = CLAIMS

    floor: float = setting(
        1e-3,
        Slider(1e-9, 0.1, 1e-9, log=True),
        "Floor of the variance",
        "Is added to every "
        "pixel's variance; at the lowest, pixels that are always black decide alone.",
    )
    c: float = setting(
        1.0,
        Slider(1e-3, 1e3, 1e-3, log=True),
        "C",
        "Logistic regression's inverse penalty: smaller is a stronger one.",
    )

    def measured(self, condition: str, case: ExperimentCase) -> Figures:
        """Accuracy on test images, and AUROC on images of unknown classes."""
        data, test = case.data, case.data.rows("test")
        rows = rows_of_all_classes(case, COUNTS[condition])
        classes = len(data.classes)
        points, others, labels = scaled(case, rows, test), data.labels[test], data.labels[rows]
        bayes = self.bayes(points[0], labels, classes)
        right = {NB: bayes.joint(points[1]).argmax(1) == others}
        for name, c in ((LR, self.c), (FREE, self.c * WEAK)):
            right[name] = regression(points[0], labels, c).predict(points[1]) == others
        known_rows = rows[labels < known_class_count(classes)]
        points, labels = scaled(case, known_rows, test), data.labels[known_rows]
        scores = {
            NB_FINDS: self.bayes(points[0], labels, known_class_count(classes)).unusual(points[1]),
            LR_FINDS: -regression(points[0], labels, self.c).predict_proba(points[1]).max(1),
        }
        new = others >= known_class_count(classes)
        return {name: float(hits.mean()) for name, hits in right.items()} | {
            name: auroc(score[~new], score[new]) for name, score in scores.items()
        }

    def bayes(self, points: Doubles, labels: Ints, classes: int) -> NaiveBayes:
        """Naive Bayes on labeled points."""
        return NaiveBayes.of(Moments.of(points, labels, classes), self.floor)

    def picture(self, case: ExperimentCase) -> Pictures:
        """Weights of both for each class, from 30 labels and from all."""
        rows: dict[str, Doubles] = {}
        for count, name in ((30, "30"), (0, "all")):
            labeled_rows = rows_of_all_classes(case, count)
            (points,) = scaled(case, labeled_rows)
            labels = case.data.labels[labeled_rows]
            fitted = {
                "Bayes": self.bayes(points, labels, len(case.data.classes)).weights,
                "logistic": regression(points, labels, self.c).coef_,
            }
            for model, weights in fitted.items():
                # what classes share changes no answer; × a pixel's spread: what it can move
                rows[f"{model}, {name}"] = (weights - weights.mean(0)) * points.std(0)
        weight_cosines = [
            cosine(rows[f"{model}, 30"], rows[f"{model}, all"]) for model in ("Bayes", "logistic")
        ]
        return Pictures(
            np.stack([tinted(weights, case.data) for weights in rows.values()]),
            tuple(rows),
            case.data.classes,
            "Orange speaks for a class, blue against. Cosine of 30 labels with all: naive Bayes "
            f"{weight_cosines[0]:.2f}, logistic {weight_cosines[1]:.2f}.",
        )


def tinted(weights: Doubles, data: DataSet) -> NDArray[np.uint8]:
    """Weights of each class (K, channels × H × W) on one scale as colors (K, H, W, 3)."""
    maps = weights.reshape(-1, *data.images.shape[1:]).mean(1).astype(np.float32)
    most = float(abs(maps).max())
    return np.stack(
        [tint(HeatMap(weight_map, "weight", signed=True), (-most, most)) for weight_map in maps]
    )


def known_class_count(classes: int) -> int:
    """How many of the classes the detectors know."""
    return max(2, int(classes * KNOWN))


def rows_of_all_classes(case: ExperimentCase, count: int) -> Ints:
    """So many random training rows that contain every class; 0 for all. Raises BadData."""
    data, rows = case.data, require_rows(case.data, "train", MOST + 1)
    present = len(np.unique(data.labels[rows]))
    if present < len(data.classes) or present < 3 or (count and present > count):
        raise BadData(f"This experiment needs training images of 3 to {FEWEST} classes.")
    rng = np.random.default_rng([case.seed, 32])
    for _ in range(TRIES if count else 0):
        drawn: Ints = rng.permutation(rows)[:count]
        if len(np.unique(data.labels[drawn])) == present:
            return drawn
    if count:
        raise BadData("A class is too rare to be among 20 random labels: choose other data.")
    return rows


def scaled(case: ExperimentCase, *parts: Ints) -> list[Doubles]:
    """Images of rows as vectors, each pixel scaled to [0, 1] by those of the first part."""
    points = [pixels(case.data, rows) for rows in parts]
    # from the labeled images alone: test images must not help to scale themselves
    low, high = points[0].min(0), points[0].max(0)
    return [(point - low) / np.where(high > low, high - low, 1) for point in points]


def regression(points: Doubles, labels: Ints, c: float) -> LogisticRegression:
    """Logistic regression on labeled points."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=c, max_iter=1000).fit(points, labels)
