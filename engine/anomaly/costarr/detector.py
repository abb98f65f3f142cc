"""COSTARR: is the image unusual where the head looks, and where it does not?

    h = z ∘ W_ĉ,  v = [z ; β h],  sim = cos(v, μ_ĉ)
    L̃ = clip((l_ĉ − L_min) / (L_max − L_min), 0, 1)
    score = − sim · L̃

The head's weights make some features small (attenuate them); h is what is left of them, z what was
there. μ_c is the mean of v over the normal images of class c that the model gets right, L_min and
L_max the ends of their highest logits.

No code of the authors was found, so three things are not verified: the formulas (from the abstract
and the group's earlier code), whether z and h are brought to length 1 before they are joined, and
the figures on ImageNet. Here the halves are joined at one length by default: as they are, h is so
much shorter than z on the networks that ship that β changes no order at all.

Rabinowitz et al., "COSTARR: Consolidated Open Set Technique with Attenuation for Robust
Recognition" (2025), https://arxiv.org/abs/2508.01087
"""

from dataclasses import dataclass

import numpy as np

from engine.anomaly.detectors.vim import require_head
from engine.core.method import Slider, Switch, setting
from engine.core.result import Table, View
from engine.evaluation.detection.bank import Bank, Doubles, unit_rows
from engine.evaluation.detection.conformal import Conformal
from engine.evaluation.detection.detector import Detector, Fitted, Scored
from engine.evaluation.detection.gather import Gathered
from engine.evaluation.measures.detection import auroc
from engine.evaluation.measures.drift import rank_correlation

HALVES = {"both halves": (1.0, 1.0), "features": (1.0, 0.0), "attenuated": (0.0, 1.0)}
ABLATED = ("p-value of the image", "AUROC", "Spearman with MaxLogit")
LANES = ("weight", "features", "usual features", "attenuated", "usual attenuated")


@dataclass(frozen=True, eq=False)
class Means:
    """What is fitted: a mean of [z ; h] for each class, (classes, 2 D), and the logits' ends."""

    z: Doubles  # (classes, D)
    h: Doubles
    low: float
    high: float


@dataclass(frozen=True)
class COSTARR(Detector):
    """How similar the image is to its class, before and after the head throws features away.

    Its two factors are the likeness (a cosine, 1 is the class's mean) and the logit (from 0, the
    lowest seen on normal images, to 1). Look at both: when all likenesses lie near 1, the logit
    decides alone, and the product can hide what the likeness has found: on the networks that ship
    COSTARR's order is MaxLogit's. The ablation shows the halves apart and without the logit. The
    chart of dimensions shows where an image carries what its class does not, in features that the
    head ignores.
    """

    name = "COSTARR"
    title = "COSTARR"
    paper = (
        "COSTARR: Consolidated Open Set Technique with Attenuation for Robust Recognition (2025), "
        "https://arxiv.org/abs/2508.01087"
    )
    revision = 4
    needs = frozenset({"normal", "head", "one of many"})
    unit = "−familiarity"
    joined = "product"
    proof = (
        "tests/engine/anomaly/costarr/test_costarr.py"
        "::test_on_a_head_made_by_hand_only_the_features_show_what_the_head_throws_away"
    )

    beta: float = setting(
        1.0,
        Slider(0.0, 10.0, 0.1),
        "Weight of the attenuated half",
        "0 leaves the cosine of the features alone.",
    )
    logit: bool = setting(True, Switch(), "With the logit", "Multiply by the normalized logit.")
    even: bool = setting(
        True,
        Switch(),
        "Halves at one length",
        "Bring both halves to length 1 before they are "
        "joined, so that both count; what the paper does could not be verified.",
    )

    def fit(self, train: Bank) -> Fitted:
        """Class means over images that the model gets right, and the logits' ends."""
        means, notes = fit(train, even=self.even)
        return Fitted(lambda bank: self.judged(bank, means, (1.0, self.beta), self.logit), notes)

    def judged(self, bank: Bank, means: Means, weights: tuple[float, float], logit: bool) -> Scored:
        """Familiarity, its two factors, and minus their product.

        Args:
            bank: what is judged.
            means: what was fitted.
            weights: of the features and of the attenuated half.
            logit: whether the logit is a factor.
        """
        z, h = halves(bank, even=self.even)
        predicted, (feature_weight, attenuated_weight) = bank.predicted, weights
        v = np.concatenate([feature_weight * z, attenuated_weight * h], 1)
        # by the predicted class on both sides: a new image's true one is not known
        class_means = np.concatenate(
            [feature_weight * means.z[predicted], attenuated_weight * means.h[predicted]], 1
        )
        cosine = (unit_rows(v) * unit_rows(class_means)).sum(1)
        logit_factor = (bank.logits.max(1) - means.low) / (means.high - means.low)
        # a logit beyond those of normal images must not make an image more familiar than known
        logit_factor = np.clip(logit_factor, 0.0, 1.0)
        score = -(cosine * logit_factor) if logit else -cosine
        return Scored(score, {"likeness": cosine, "logit": logit_factor})

    def ablation(self, means: Means, banks: Gathered) -> Table:
        """Each half alone and both, with and without the logit, beside MaxLogit's order.

        Columns: the image's p-value, AUROC (NaN without unknown images), and Spearman's
        correlation with MaxLogit over the held normal images.
        """
        max_logit_scores = -banks.held.logits.max(1)
        lines, names = [], []
        for logit in (True, False):
            for name, (of_z, of_h) in HALVES.items():
                half_weights = (of_z, of_h * self.beta)

                def score(
                    bank: Bank, weights: tuple[float, float] = half_weights, logit: bool = logit
                ) -> Doubles:
                    return self.judged(bank, means, weights, logit).score

                held_scores = score(banks.held)
                ruler = Conformal(score(banks.normal), None, banks.normal.groups)
                area = np.nan if banks.unknown is None else auroc(held_scores, score(banks.unknown))
                p = float(ruler.verdict_p(score(banks.subject))[0])
                order = rank_correlation(held_scores, max_logit_scores, signed=True)
                lines.append([p, area, order])
                names.append(f"{name}, {'with' if logit else 'without'} the logit")
        return Table.grid(
            np.array(lines, np.float32), tuple(names), ABLATED, ("p-value", "share", "")
        )

    def more(self, fitted: Fitted, banks: Gathered) -> dict[str, View]:  # noqa: ARG002
        """Views: ablation; dimensions, sorted by how much the head makes of each."""
        means, _ = fit(banks.fit, even=self.even)
        z, h = halves(banks.subject, even=self.even)
        predicted = int(banks.subject.predicted[0])
        weight = np.abs(require_head(banks.subject).weight[predicted])
        order = np.argsort(weight, kind="stable")
        lanes = np.stack([weight, z[0], means.z[predicted], h[0], means.h[predicted]], 1)[order]
        rows = tuple(f"dimension {dimension}" for dimension in order)
        units = ("", *(["feature"] * 2), *(["logit"] * 2))
        return {
            "ablation": self.ablation(means, banks),
            "dimensions": Table.grid(lanes.astype(np.float32), rows, LANES, units),
        }


def halves(bank: Bank, *, even: bool) -> tuple[Doubles, Doubles]:
    """Features z (N, D) and attenuated features h = z ∘ W_ĉ (N, D), ĉ the predicted class."""
    z = bank.features
    h = z * require_head(bank).weight[bank.predicted]
    return (unit_rows(z), unit_rows(h)) if even else (z, h)


def fit(train: Bank, *, even: bool = False) -> tuple[Means, tuple[str, ...]]:
    """Means of the rightly seen normal images of each class; a class without one takes the mean."""
    right = train.right
    notes: list[str] = []
    if train.labels is None:
        notes.append("The normal images have no labels of this model: all count as seen rightly.")
    if not right.any():
        right = np.ones(len(train), np.bool_)
        notes.append("The model gets no normal image right: all are used.")
    correct_images = train.take(right)
    z, h = halves(correct_images, even=even)
    classes = correct_images.logits.shape[1]
    means_z = np.tile(z.mean(0), (classes, 1))
    means_h = np.tile(h.mean(0), (classes, 1))
    present = np.unique(correct_images.predicted)
    for label in present:
        in_class = correct_images.predicted == label
        means_z[label], means_h[label] = z[in_class].mean(0), h[in_class].mean(0)
    if len(present) < classes:
        notes.append(
            f"{classes - len(present)} of {classes} classes have no rightly seen normal image: "
            "the mean of all stands in for theirs."
        )
    # ends of the highest logits over all classes together, and of rightly seen images only
    top = correct_images.logits.max(1)
    low, high = float(top.min()), float(top.max())
    if high <= low:
        low, high = low - 1.0, low  # one logit: what reaches it is 1
        notes.append("The normal images have one highest logit: what reaches it counts as 1.")
    return Means(means_z, means_h, low, high), tuple(notes)
