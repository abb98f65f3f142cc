"""COSTARR: is the image unusual where the head looks, and where it does not?

    h = z ∘ W_ĉ,  v = [z ; β h],  sim = cos(v, μ_ĉ)
    L̃ = clip((l_ĉ − L_min) / (L_max − L_min), 0, 1)
    score = − sim · L̃

The head's weights make some features small (attenuate them); h is what is left of them, z what was
there. μ_c is the mean of v over the normal images of class c that the model gets right, L_min and
L_max the ends of their highest logits.

Formulas as we understand them from the abstract and the group's earlier code: whether z and h are
brought to length 1 before they are joined could not be verified, so it can be switched. Rabinowitz
et al., "COSTARR: Consolidated Open Set Technique with Attenuation for Robust Recognition" (2025),
https://arxiv.org/abs/2508.01087
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.anomaly.bank import Bank, Doubles, unit
from engine.anomaly.detector import Detector, Fitted, Judged
from engine.anomaly.gather import Gathered
from engine.anomaly.vim import needed
from engine.method import Slider, Switch, setting
from engine.result import Table, View

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
    """How like the image is to its class, before and after the head throws features away.

    Its two factors are the likeness (a cosine, 1 is the class's mean) and the logit (from 0, the
    lowest seen on normal images, to 1). Look at both: when all likenesses lie near 1, the logit
    decides alone, and the product can hide what the likeness has found. The chart of dimensions
    shows where an image carries what its class does not, in features that the head ignores.
    """

    name = "COSTARR"
    title = "COSTARR"
    paper = (
        "COSTARR: Consolidated Open Set Technique with Attenuation for Robust Recognition (2025), "
        "https://arxiv.org/abs/2508.01087"
    )
    needs = frozenset({"normal", "head"})
    unit = "−familiarity"
    joined = "product"
    proof = (
        "tests/engine/anomaly/test_costarr.py"
        "::test_on_a_head_made_by_hand_only_the_features_show_what_the_head_throws_away"
    )

    beta: float = setting(
        1.0, Slider(0.0, 10.0, 0.1), "Weight of the attenuated half", "0 leaves the cosine of the "
        "features alone.",
    )  # fmt: skip
    logit: bool = setting(True, Switch(), "With the logit", "Multiply by the normalized logit.")
    even: bool = setting(
        False, Switch(), "Halves at one length", "Bring both halves to length 1 before they are "
        "joined; what the paper does is not known here.",
    )  # fmt: skip

    def fit(self, train: Bank) -> Fitted:
        """Class means over images that the model gets right, and the logits' ends."""
        means, notes = fit(train, even=self.even)
        return Fitted(lambda bank: self.judged(bank, means), notes)

    def judged(self, bank: Bank, means: Means) -> Judged:
        """Familiarity, its two factors, and minus their product."""
        z, h = halves(bank, even=self.even)
        seen = bank.predicted
        v = np.concatenate([z, self.beta * h], 1)
        usual = np.concatenate([means.z[seen], self.beta * means.h[seen]], 1)
        alike = (unit(v) * unit(usual)).sum(1)
        height = (bank.logits.max(1) - means.low) / (means.high - means.low)
        height = np.clip(height, 0.0, 1.0)
        score = -(alike * height) if self.logit else -alike
        return Judged(score, {"likeness": alike, "logit": height})

    def more(self, fitted: Fitted, banks: Gathered) -> dict[str, View]:  # noqa: ARG002
        """View: dimensions, sorted by how much the head makes of each."""
        means, _ = fit(banks.fit, even=self.even)
        z, h = halves(banks.subject, even=self.even)
        seen = int(banks.subject.predicted[0])
        weight = np.abs(needed(banks.subject).weight[seen])
        order = np.argsort(weight, kind="stable")
        lanes = np.stack([weight, z[0], means.z[seen], h[0], means.h[seen]], 1)[order]
        rows = tuple(f"dimension {one}" for one in order)
        units = ("", *(["feature"] * 2), *(["logit"] * 2))
        return {"dimensions": Table(lanes.astype(np.float32), rows, LANES, units)}


def halves(bank: Bank, *, even: bool) -> tuple[Doubles, Doubles]:
    """Features z (N, D) and attenuated features h = z ∘ W_ĉ (N, D), ĉ the predicted class."""
    z = bank.features
    h = z * needed(bank).weight[bank.predicted]
    return (unit(z), unit(h)) if even else (z, h)


def fit(train: Bank, *, even: bool = False) -> tuple[Means, tuple[str, ...]]:
    """Means of the rightly seen normal images of each class; a class without one takes the mean."""
    right = train.right
    notes: list[str] = []
    if train.labels is None:
        notes.append("The normal images have no labels of this model: all count as seen rightly.")
    if not right.any():
        right = np.ones(len(train), np.bool_)
        notes.append("The model gets no normal image right: all are used.")
    good = train.take(right)
    z, h = halves(good, even=even)
    classes = good.logits.shape[1]
    means_z = np.tile(z.mean(0), (classes, 1))
    means_h = np.tile(h.mean(0), (classes, 1))
    present = np.unique(good.predicted)
    for one in present:
        here = good.predicted == one
        means_z[one], means_h[one] = z[here].mean(0), h[here].mean(0)
    if len(present) < classes:
        notes.append(
            f"{classes - len(present)} of {classes} classes have no rightly seen normal image: "
            "the mean of all stands in for theirs."
        )
    top = good.logits.max(1)
    low, high = float(top.min()), float(top.max())
    if high <= low:
        low, high = low - 1.0, low  # one logit: what reaches it is 1
        notes.append("The normal images have one highest logit: what reaches it counts as 1.")
    return Means(means_z, means_h, low, high), tuple(notes)
