"""One image and normal ones made worse step by step: does the score rise before the model errs?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.anomaly.detectors.quick import BY_NAME, QUICK
from engine.core.method import Choice, Method, Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Scores, Table
from engine.evaluation.corruptions import CORRUPTIONS, corrupted
from engine.evaluation.detection.bank import Bank, Ints, softmax
from engine.evaluation.detection.case import FamiliarCase
from engine.evaluation.detection.detector import Detector, ruler_of
from engine.evaluation.detection.extract import Outputs, forward_batches
from engine.evaluation.detection.gather import gathered, head_of
from engine.evaluation.detection.rows import as_seen, evenly
from engine.evaluation.measures.detection import auroc
from engine.vision.models.classifier import Classifier

LEVELS = tuple(round(step / 8, 3) for step in range(9))  # severities that are looked at
COLUMNS = (
    "score of the image",
    "p-value of the image",
    "probability of the image's class",
    "median normal score",
    "median normal p-value",
    "accuracy",
    "AUROC against untouched",
)
SEVERITY, FLAGGED = "severity", "normal images flagged"
UNITS = ("score", "p-value", "probability", "score", "p-value", "share", "share")


@dataclass(frozen=True)
class Corrupt(Method[FamiliarCase]):
    """The image, and normal images beside it, made worse step by step, from 0 to 1.

    A good detector's score rises before the model begins to err: then the error is announced. The
    table gives, for each step, the image's own score and p-value, the middle one of the normal
    images that were made worse alike, the share of these that the model still gets right, and how
    well they can be told from untouched ones (AUROC; 0.5 is not at all).
    """

    name = "Corrupt"
    family = "anomaly"
    title = "Made worse"
    cost = "wait"
    revision = 3
    needs = frozenset({"normal", "head"})
    proof = (
        "tests/engine/anomaly/test_compare.py"
        "::test_noise_on_digits_raises_the_score_as_accuracy_falls"
    )

    kind: str = setting(
        "noise", Choice(tuple(CORRUPTIONS)), "Made worse by", "What is done to the images."
    )
    detector: str = setting(
        "KNN", Choice(tuple(kind.name for kind in QUICK)), "Detector", "With its usual settings."
    )
    images: int = setting(
        64, Slider(8, 256, 8), "Normal images", "So many held-out ones are made worse too."
    )

    def __call__(self, case: FamiliarCase, progress: Progress = quiet) -> Result:
        """Views: steps, flags (p-values of the normal images at each step), classes."""
        banks = gathered(case, part_of(progress, 0.0, 0.4))
        detector: Detector = BY_NAME[self.detector]()
        detector.check_banks(banks)
        rule = detector.fitted(banks.fit).rule
        ruler = ruler_of(detector.evidence(rule, banks.normal), banks.normal.groups)
        untouched = rule(banks.held).score
        chosen = self.chosen(banks.held)
        pixels = held_out_pixels(case, chosen)
        predicted = int(banks.subject.predicted[0])
        rows, judged, seen_as = [], [], []
        for place, severity in enumerate(LEVELS):
            if severity:
                clean_and_corrupted = torch.cat([case.image[None], pixels])
                bank = bank_of_pixels(
                    case.model, corrupted(clean_and_corrupted, self.kind, severity, case.seed)
                )
            else:  # what was looked at already, to the last digit
                bank = concatenate_banks(banks.subject, chosen)
            score = rule(bank).score
            p = ruler.p(score)
            right = share_right(bank.predicted[1:], chosen.labels)
            rows.append(
                [
                    score[0],
                    p[0],
                    softmax(bank.logits)[0, predicted],
                    np.median(score[1:]),
                    np.median(p[1:]),
                    right,
                    auroc(untouched, score[1:]),
                ]
            )
            judged.append(p[1:])
            seen_as.append(int(bank.predicted[0]))
            progress(0.4 + 0.6 * (place + 1) / len(LEVELS), f"severity {severity:g}")
        names = tuple(f"severity {level:g}" for level in LEVELS)
        images = tuple(f"image {index + 1}" for index in range(len(pixels)))
        return {
            "steps": Table.grid(np.array(rows, np.float32), names, COLUMNS, UNITS),
            "flags": Table.grid(
                np.stack(judged, 1).astype(np.float32), images, names, ("p-value",) * len(names)
            ),
            "classes": Scores(np.array(seen_as, np.float32), names, "class"),
        }

    def finding(self, case: FamiliarCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """How the image's p-value and the model's accuracy go from untouched to the worst step."""
        steps = result["steps"]
        p, right = steps["p-value of the image"], 100 * steps["accuracy"]
        words = f"From no {self.kind} to the most, the image's p-value goes from {p[0]:.2g} to "
        words += f"{p[-1]:.2g}"
        if np.isfinite(right).all():
            words += f", and the normal images that the model gets right from {right[0]:.0f} % to "
            words += f"{right[-1]:.0f} %"
        return f"{words}."

    def chosen(self, bank: Bank) -> Bank:
        """Held-out images that are made worse, spread over all of them."""
        return bank.take(evenly(np.arange(len(bank)), self.images))


def with_flagged(result: Mapping[str, Any], alpha: float) -> Table:
    """The steps with their severity and the share of normal images that a line at α flags."""
    steps, flagged = result["steps"], (result["flags"].values <= alpha).mean(0)
    columns = {SEVERITY: (LEVELS, ""), FLAGGED: (flagged, "share")}
    rest = zip(steps.columns, steps.units, strict=True)
    return Table.of(columns | {name: (steps[name], unit) for name, unit in rest}, steps.rows)


def at_step(
    result: Mapping[str, Any], at: int, alpha: float, detector: str, labels: Sequence[str]
) -> str:
    """What a step does to the image, to normal images, and to the model's answers.

    Args:
        result: the answer.
        at: which step.
        alpha: how often normal images may be flagged.
        detector: whose scores they are.
        labels: of the model's classes.
    """
    steps, label = with_flagged(result, alpha), labels[int(result["classes"].values[at])]
    score, p, flagged = (
        float(steps[name][at]) for name in ("score of the image", "p-value of the image", FLAGGED)
    )
    words = f"At this step the image scores {score:.3g} (p {p:.2g}); "
    words += f"{100 * flagged:.0f} % of normal images made worse alike are flagged"
    right = 100 * steps["accuracy"]
    if np.isfinite(right).all():
        words += f", and the model gets {right[at]:.0f} % of them right"
        words += f" ({right[0]:.0f} % untouched)"
    return f"{words}. The model sees: {label}. Scores are {detector}'s."


def held_out_pixels(case: FamiliarCase, bank: Bank) -> Tensor:
    """The held-out images of a bank at the model's size, (n, 3, side, side)."""
    data = case.parts[1].data
    some = data.take(data.places(np.asarray(bank.ids, np.int64)))
    return as_seen(some, slice(None), case.model.side)


def concatenate_banks(bank: Bank, other: Bank) -> Bank:
    """The features and logits of both."""
    features = np.concatenate([bank.features, other.features])
    return Bank(features, np.concatenate([bank.logits, other.logits]), bank.head)


def share_right(predicted: Ints, labels: Ints | None) -> float:
    """The share of right answers; NaN where the labels are not known."""
    return float("nan") if labels is None else float((predicted == labels).mean())


def bank_of_pixels(model: Classifier, pixels: Tensor) -> Bank:
    """A bank of pixels (N, 3, side, side) that belong to no data set."""
    outputs = Outputs(len(pixels))
    forward_batches(model, pixels, outputs)
    features = outputs.arrays.get("features", np.empty((len(pixels), 0), np.float32))
    return Bank(
        features.astype(np.float64), outputs.arrays["logits"].astype(np.float64), head_of(model)
    )
