"""Where an image stands among normal ones, by a detector's answer, and what a line does there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.core.errors import BadSetting
from engine.core.result import Evidence, Floats, Table
from engine.evaluation.detection.conformal import COUNTS, INDEPENDENT, OF_GROUP, POOLED, Conformal

OF_MODEL = ("p-value", "less unusual normal images", "score", "middle normal score", "AUROC")


@dataclass(frozen=True, eq=False)
class Standing:
    """The figures that a verdict rests on.

    Args:
        found: a detector's answer.
    """

    found: Mapping[str, Any]

    @property
    def by_group(self) -> bool:
        """Whether normal images come in groups, which are then counted instead of images."""
        return bool(np.isfinite(self.found["smallest"][OF_GROUP]))

    @property
    def independent(self) -> int:
        """How many normal images, or groups of them, the image is compared with."""
        if self.by_group:
            return round(1 / self.found["smallest"][OF_GROUP]) - 1
        return self.total

    @property
    def decided(self) -> bool:
        """Whether these are enough for a verdict."""
        return self.independent >= INDEPENDENT

    @property
    def smallest(self) -> float:
        """The smallest p-value that can be reached."""
        return 1 / (self.independent + 1)

    @property
    def p(self) -> float:
        """The p-value of the verdict."""
        return float(self.found["p"][OF_GROUP if self.by_group else POOLED])

    @property
    def total(self) -> int:
        """How many normal images there are."""
        return int(self.found["counts"][COUNTS[0]])

    @property
    def least(self) -> int:
        """How many of them are at least as unusual."""
        return int(self.found["counts"][COUNTS[2]])

    @property
    def score(self) -> float:
        """The image's own score."""
        return float(self.found["subject"].values[0])


def of_models(answers: Mapping[str, Mapping[str, Any]]) -> Table:
    """What several models find of one image, a row for each.

    Scores of two models are not on one scale; p-values and shares are.
    """
    rows = []
    for result in answers.values():
        score, normal = float(result["subject"].values[0]), result["normal"].values
        below, middle = float((normal < score).mean()), float(np.median(normal))
        area = float(result["measures"]["AUROC"][0])
        rows.append([result["p"][POOLED], below, score, middle, area])
    units = ("probability", "share", "", "", "probability")
    return Table.grid(np.array(rows, np.float32), tuple(answers), OF_MODEL, units)


def first_line(ruler: Conformal, alpha: float) -> tuple[float, str]:
    """The line for a rate of false alarms; above all, with the reason, where none keeps to it."""
    try:
        grouped = ruler.groups is not None
        return (ruler.threshold_by_group if grouped else ruler.threshold)(alpha), ""
    except BadSetting as error:
        return float(ruler.scores.max()), str(error)


def false_alarms(held_out: Evidence, line: float) -> int:
    """How many other normal images lie above the line."""
    return int((held_out.values > line).sum())


def operating(result: Mapping[str, Any], line: float) -> dict[str, tuple[float, float]]:
    """Where the line stands on each curve of an answer, shares from 0 to 1."""
    held_out, unknown = result["held"], result["unknown"]
    alarms, finds = held_out.values > line, unknown.values > line
    flagged = alarms.sum() + finds.sum()
    precision = float(finds.sum() / flagged) if flagged else 1.0
    right = float(((held_out.predicted == held_out.labels) & ~alarms).mean())
    return {
        "roc": (float(alarms.mean()), float(finds.mean())),
        "pr": (float(finds.mean()), precision),
        "oscr": (float((~finds).mean()), right),
    }


def apart_where_unseen(weight: Floats, own: Floats, usual: Floats) -> float:
    """The share of the distance to the usual features in the half that the head weighs least.

    Args:
        weight: of each dimension in the head, (D,).
        own, usual: features, (D,).
    """
    differences = np.abs(own - usual)[np.argsort(weight, kind="stable")]
    return float(differences[: len(differences) // 2].sum() / max(differences.sum(), 1e-12))
