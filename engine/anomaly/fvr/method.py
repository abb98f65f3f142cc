"""FVR: confusion and ignorance apart, and an answer of one class, several, or none.

A cosine head is trained on the features that the model already has: its network stays as it is.
Fan et al., "Flexible Visual Recognition by Evidential Modeling of Confusion and Ignorance" (2023),
https://arxiv.org/abs/2309.07403
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.anomaly.cosine import CosineHead, fit_head, loss_setting
from engine.anomaly.fvr.findings import NONE, SEVERAL, kind_of_doubt
from engine.anomaly.fvr.masses import DoubtLines, Flags, Masses, answer_sets, masses
from engine.core.errors import BadData
from engine.core.method import Progress, Slider, quiet, setting
from engine.core.result import Result, Table, View
from engine.evaluation.detection.bank import Bank, Doubles
from engine.evaluation.detection.case import FamiliarCase
from engine.evaluation.detection.detector import Detector, Fitted, Scored
from engine.evaluation.detection.gather import Gathered, gathered
from engine.evaluation.measures.detection import auroc, error_auroc

RULES = ("always one class", "one or none", "one, several or none")


@dataclass(frozen=True)
class OpinionHead:
    """What was learned: opinions from the features of a bank."""

    weight: Doubles  # (classes, D)
    bias: Doubles
    scale: float

    def masses(self, bank: Bank) -> Masses:
        """The opinions about its images."""
        lengths = np.linalg.norm(self.weight, axis=1, keepdims=True)
        cosines = bank.directions @ (self.weight / lengths).T
        return masses(self.scale * cosines + self.bias)

    def __call__(self, bank: Bank) -> Scored:
        """Ignorance as the score; confusion and the strongest belief beside it."""
        result = self.masses(bank)
        parts = {"confusion": result.confusion, "belief": result.belief.max(1)}
        return Scored(result.ignorance, parts)

    @classmethod
    def of(cls, head: CosineHead) -> OpinionHead:
        """From a trained head."""
        weight, bias = (parameter.double().numpy() for parameter in (head.weight, head.bias))
        return cls(weight, bias, float(head.scale))


@dataclass(frozen=True)
class FVR(Detector):
    """Does the model hesitate between classes it knows, or does it know none of them?

    Of each image, a mass of belief goes to every class, to several classes at once (confusion) and
    to no class (ignorance); together they are 1. A new last layer learns them from the labels of
    the normal images, on the features that the model has; the model itself is not changed. Above a
    line of ignorance the image is rejected; above a line of confusion it is answered by every class
    that is nearly as plausible as the best. The lines lie where the chosen share of normal images
    is above them. Masses of two models are not on one scale. An image that the model gives the
    features of a known class has little ignorance, however strange it is to a person.
    """

    name = "FVR"
    title = "Confusion or ignorance (FVR)"
    cost = "wait"
    paper = (
        "Fan et al., Flexible Visual Recognition by Evidential Modeling of Confusion and "
        "Ignorance (2023), https://arxiv.org/abs/2309.07403"
    )
    revision = 4
    unit = "mass"
    needs = Detector.needs | {"head", "labels", "one of many"}
    proof = "tests/engine/anomaly/fvr/test_fvr.py::test_masses_are_the_sum_over_all_subsets"

    loss: str = loss_setting()
    alarms: float = setting(
        0.05,
        Slider(0.0, 0.5, 0.01),
        "Normal images above a line",
        "How many of the normal images may be rejected, and how many answered by several classes.",
    )
    near: float = setting(
        0.3,
        Slider(0.1, 1.0, 0.05),
        "Nearly as plausible",
        "Of the best class's plausibility, what another class needs to be among several answers.",
    )

    def fit(self, train: Bank) -> Fitted:
        """The head, learned from labeled images. Raises BadData without two classes."""
        if train.labels is None or len(np.unique(train.labels)) < 2:
            raise BadData(
                f"{self.title} learns from normal images of at least two of the model's classes: "
                "choose normal images that have them."
            )
        head = fit_head(train.features, train.labels, train.logits.shape[1], self.loss)
        return Fitted(OpinionHead.of(head))

    def fitted(self, train: Bank) -> Fitted:
        """The head, learned once: where the lines lie plays no part in it."""
        # without the other settings the key is the same, and the head is found in memory
        return Detector.fitted(FVR(self.loss), train)

    def __call__(self, case: FamiliarCase, progress: Progress = quiet) -> Result:
        """Those of every detector; masses; answer, 1 for its classes; doubts; sets."""
        banks = gathered(case, progress)
        results = dict(self.judge(banks, progress))
        head, labels = self.head(banks), case.model.labels
        lines = self.lines(banks)
        subject_masses = head.masses(banks.subject)
        columns = {
            "mass": (
                np.r_[subject_masses.belief[0], subject_masses.confusion, subject_masses.ignorance],
                "mass",
            ),
            "plausibility": (np.r_[subject_masses.plausibility[0], np.nan, np.nan], "probability"),
            "in the answer": (
                np.r_[answer_sets(subject_masses, lines, self.near)[0], 0, 0].astype(float),
                "",
            ),
            "line": (np.r_[np.full(len(labels), np.nan), lines.confusion, lines.ignorance], "mass"),
        }
        return {"masses": Table.of(columns, (*labels, SEVERAL, NONE))} | results

    def finding(self, case: FamiliarCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """The kind of doubt, or what is missing for one."""
        return kind_of_doubt(result["masses"], len(result["normal"].values))

    def more(self, fitted: Fitted, banks: Gathered) -> dict[str, View]:
        """How well both doubts tell, and how good answers with several classes are."""
        head: Any = fitted.rule
        held_masses = head.masses(banks.held)
        unknown_masses = head.masses(banks.unknown) if banks.unknown is not None else None
        right = held_masses.plausibility.argmax(1) == banks.held.labels
        lines = DoubtLines.of(head.masses(banks.normal), self.alarms)
        chosen = answer_sets(held_masses, lines, self.near)
        labels = np.asarray(banks.held.labels)
        refused = (
            np.nan
            if unknown_masses is None
            else rejected(answer_sets(unknown_masses, lines, self.near))
        )
        return {
            "doubts": aurocs(held_masses, right, unknown_masses),
            "sets": of_sets(chosen, labels, right, refused),
        }

    def head(self, banks: Gathered) -> OpinionHead:
        """What the normal images teach."""
        rule: Any = self.fitted(banks.fit).rule
        return rule

    def lines(self, banks: Gathered) -> DoubtLines:
        """Where an image is rejected, and where it may have several answers."""
        return DoubtLines.of(self.head(banks).masses(banks.normal), self.alarms)


def aurocs(held_masses: Masses, right: Flags, unknown_masses: Masses | None) -> Table:
    """AUROC of both doubts, for unknown among known images and for errors among known ones."""
    columns: dict[str, tuple[Any, str]] = {}
    doubts = ("ignorance", "confusion")
    unknown_aurocs = [np.nan] * len(doubts)
    if unknown_masses is not None:
        unknown_aurocs = [
            auroc(getattr(held_masses, doubt), getattr(unknown_masses, doubt)) for doubt in doubts
        ]
    columns["unknown images"] = unknown_aurocs, "AUROC"
    columns["errors"] = (
        [error_auroc(getattr(held_masses, doubt), right) for doubt in doubts],
        "AUROC",
    )
    columns["wrong answers"] = [float((~right).sum())] * len(doubts), "images"
    return Table.of(columns, doubts)


def of_sets(chosen: Flags, labels: Any, right: Flags, refused: float) -> Table:
    """Figures of answers (N, K), beside those of the best class of all and of the answered."""
    answered = chosen.any(1)
    covered = chosen[np.arange(len(labels)), labels]
    size = mean_of(chosen[answered].sum(1))
    columns: dict[str, tuple[Any, str]] = {
        "true class in the answer": (
            [right.mean(), *(mean_of(flags[answered]) for flags in (right, covered))],
            "share",
        ),
        "classes to an answer": ([1.0, 1.0, size], ""),
        "normal images rejected": ([0.0, *[1 - answered.mean()] * 2], "share"),
        "unknown images rejected": ([0.0, refused, refused], "share"),
    }
    return Table.of(columns, RULES)


def mean_of(values: Any) -> float:
    """The mean of values (N,); NaN where there are none."""
    return float(values.mean()) if len(values) else float("nan")


def rejected(chosen: Flags) -> float:
    """The share of images without an answer."""
    return float(1 - chosen.any(1).mean())
