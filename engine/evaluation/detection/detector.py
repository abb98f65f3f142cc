"""What every detector shares: it is fitted to normal images, and then scores any images.

A detector writes `fit`, which gives a rule; the rest is the protocol: p-values among held-out
normal images, curves against unknown ones, the nearest normal images.
"""

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, ClassVar

import numpy as np

from engine.core.errors import DoesNotFit
from engine.core.keeping.memory import Memory
from engine.core.method import Cost, Method, Progress, quiet
from engine.core.result import Curve, Evidence, Result, Scores, Table, View
from engine.evaluation.detection.bank import Bank, Doubles, Ints
from engine.evaluation.detection.case import FamiliarCase
from engine.evaluation.detection.conformal import COUNTS, RULES, Conformal
from engine.evaluation.detection.findings import verdict
from engine.evaluation.detection.gather import Gathered, gathered, heads_agree
from engine.evaluation.detection.held import held_bytes
from engine.evaluation.measures import detection
from engine.vision.data import DataSet

NEAREST = 8  # normal images that are shown beside the image
ROOM = 256 * 2**20  # bytes of fitted rules that are remembered
LEAST = 4096  # bytes that any rule counts for
MEASURES = (
    "AUROC",
    "FPR95, unknown positive",
    "FPR95, normal positive",
    "AUPR, unknown positive",
    "AUPR, normal positive",
    "share of unknown",
    "accuracy",
    "AUOSCR",
    "OOSA",
)


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores (N,), larger is more unusual, and the parts that make them, (N,) each."""

    score: Doubles
    parts: Mapping[str, Doubles]


Rule = Callable[[Bank], Scored]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A rule, and what had to be done otherwise than usual to have it."""

    rule: Rule
    notes: tuple[str, ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes of what it has learned."""
        return LEAST + held_bytes(self.rule)


@dataclass(frozen=True)
class Detector(Method[FamiliarCase]):
    """A way of telling how unusual an image is to a model."""

    family = "anomaly"
    cost: ClassVar[Cost] = "live"
    revision: ClassVar[int] = 3  # OOSA may reject every image
    needs = frozenset({"normal"})
    unit: ClassVar[str] = "score"
    joined: ClassVar[str] = "alone"  # how the parts make the score: sum, product, alone

    @abstractmethod
    def fit(self, train: Bank) -> Fitted:
        """A rule fitted to normal images, at least one."""

    def __call__(self, case: FamiliarCase, progress: Progress = quiet) -> Result:
        """Views: subject, normal, held (and unknown) evidence, p, smallest, nearest, measures."""
        return self.judge(gathered(case, progress), progress)

    def finding(self, case: FamiliarCase, result: Mapping[str, Any]) -> str:
        """How unusual the image is, or what is missing for a verdict."""
        return verdict(self.title, case.normal, result)

    def judge(self, banks: Gathered, progress: Progress = quiet) -> Result:
        """The whole answer from banks that are there already."""
        self.check_banks(banks)
        progress(0.95, "scoring")
        fitted = self.fitted(banks.fit)
        results: dict[str, Any] = {
            "subject": self.evidence(fitted.rule, banks.subject),
            "normal": self.evidence(fitted.rule, banks.normal),
            "held": self.evidence(fitted.rule, banks.held),
        }
        if banks.unknown is not None and len(banks.unknown):
            results["unknown"] = self.evidence(fitted.rule, banks.unknown)
        results |= (
            p_value_views(results, banks) | nearest_images(banks) | detection_views(results, banks)
        )
        results |= self.more(fitted, banks)
        results["notes"] = noted((*banks.notes, *fitted.notes))
        progress(1.0, "scored")
        return results

    def more(self, fitted: Fitted, banks: Gathered) -> dict[str, View]:  # noqa: ARG002
        return {}

    def check_banks(self, banks: Gathered) -> None:
        """Raise DoesNotFit where the head does not give the logits but the detector needs it."""
        if reason := self.misfit(banks.subject):
            raise DoesNotFit(f"{self.title}: {reason}")

    def misfit(self, bank: Bank) -> str:
        """Why it cannot judge a model by what such a bank holds of it, or ""."""
        if "head" in self.needs and not heads_agree(bank):
            return (
                "it needs logits that come straight from the last linear layer, and this model "
                "does something else with them."
            )
        return ""

    def evidence(self, rule: Rule, bank: Bank) -> Evidence:
        """The scores of a bank as a view."""
        scored = rule(bank)
        blank = np.full(len(bank), -1, np.int64)
        return Evidence(
            scored.score.astype(np.float32),
            {name: values.astype(np.float32) for name, values in scored.parts.items()},
            bank.predicted,
            blank if bank.labels is None else np.asarray(bank.labels, np.int64),
            blank if bank.ids is None else np.asarray(bank.ids, np.int64),
            self.unit,
            self.joined,
        )

    def fitted(self, train: Bank) -> Fitted:
        """The rule for these images, fitted once and remembered for a while."""
        hasher = blake2b(json.dumps([self.full_name(), self.settings()]).encode(), digest_size=16)
        hasher.update(f"{train.model_id}|{train.data_id}".encode())
        if train.keys is None:
            return self.fit(train)
        hasher.update(np.ascontiguousarray(train.keys).tobytes())
        return _rules.made(hasher.hexdigest(), lambda: self.fit(train))


_rules: Memory[Fitted] = Memory(ROOM, lambda fitted: fitted.nbytes)


def p_value_views(result: Mapping[str, Any], banks: Gathered) -> dict[str, View]:
    """p-values of the image, and the smallest that could have been reached."""
    subject, normal = result["subject"], result["normal"]
    ruler = ruler_of(normal, banks.normal.groups)
    class_ruler = ruler.of_class(int(subject.predicted[0]))
    score = np.asarray(subject.values, np.float64)
    at_least_as_odd = int((ruler.scores >= score[0]).sum())
    by_class = class_ruler is not ruler
    values = [
        ruler.p(score)[0],
        class_ruler.p(score)[0] if by_class else np.nan,
        ruler.p_by_group(score)[0],
    ]
    floor = [ruler.smallest, class_ruler.smallest if by_class else np.nan, ruler.smallest_by_group]
    counts = [len(ruler), len(class_ruler) if by_class else 0, at_least_as_odd]
    return {
        "p": Scores(np.array(values, np.float32), RULES, "p-value"),
        "smallest": Scores(np.array(floor, np.float32), RULES, "p-value"),
        "counts": Scores(np.array(counts, np.float32), COUNTS, "images"),
    }


def ruler_of(normal: Evidence, groups: Ints | None = None) -> Conformal:
    """The conformal wrapper around held-out normal scores."""
    return Conformal(np.asarray(normal.values, np.float64), normal.predicted, groups)


def ruler_in(result: Mapping[str, Any], normal: DataSet) -> Conformal:
    """The ruler of an answer: the scores of normal images, in the groups of their data set."""
    groups = normal.truth.get("group")
    places = normal.places(result["normal"].ids)
    return ruler_of(result["normal"], None if groups is None else groups[places])


def nearest_images(banks: Gathered) -> dict[str, View]:
    """The normal images whose features point most nearly where the image's do."""
    fit, subject = banks.fit, banks.subject
    if not fit.features.shape[1] or fit.ids is None:
        return {}
    distances = np.linalg.norm(fit.directions - subject.directions, axis=1)
    order = np.argsort(distances, kind="stable")[:NEAREST]
    values = np.stack([fit.ids[order].astype(np.float64), distances[order]], 1)
    rows = tuple(f"nearest {place + 1}" for place in range(len(order)))
    return {"nearest": Table.grid(values.astype(np.float32), rows, ("id", "distance"), ("", ""))}


def detection_views(result: Mapping[str, Any], banks: Gathered) -> dict[str, View]:
    """Curves and measures against the unknown images, and how often the model is right."""
    held_out = result["held"]
    normal_scores = np.asarray(held_out.values, np.float64)
    right = banks.held.right
    labeled = banks.held.labels is not None
    accuracy = float(right.mean()) if labeled else np.nan
    values = dict.fromkeys(MEASURES, np.nan) | {"accuracy": accuracy}
    views: dict[str, View] = {}
    unknown = result.get("unknown")
    if isinstance(unknown, Evidence):
        unknown_scores = np.asarray(unknown.values, np.float64)
        values |= {
            "AUROC": detection.auroc(normal_scores, unknown_scores),
            "FPR95, unknown positive": detection.fpr95(normal_scores, unknown_scores),
            "FPR95, normal positive": detection.fpr95(normal_scores, unknown_scores, "known"),
            "AUPR, unknown positive": detection.aupr(normal_scores, unknown_scores),
            "AUPR, normal positive": detection.aupr(normal_scores, unknown_scores, "known"),
            "share of unknown": len(unknown_scores) / (len(unknown_scores) + len(normal_scores)),
        }
        views |= curves(normal_scores, unknown_scores)
        if labeled:
            values["AUOSCR"] = detection.auoscr(normal_scores, right, unknown_scores)
            values["OOSA"] = operational(result, banks)
            rates = detection.oscr(normal_scores, right, unknown_scores)
            views["oscr"] = curve(rates, "unknown images accepted", "right and accepted")
    else:
        values["share of unknown"] = 0.0
    row = np.array([[values[name] for name in MEASURES]], np.float32)
    views["measures"] = Table.grid(row, ("this detector",), MEASURES, ("share",) * len(MEASURES))
    return views


def operational(result: Mapping[str, Any], banks: Gathered) -> float:
    """OOSA on one half of the unknown images, with the line found on the other half.

    The line is drawn on the normal images that p-values come from, and tried on the held ones.
    """
    normal, held_out, unknown = (result[name] for name in ("normal", "held", "unknown"))
    unknown_scores = np.asarray(unknown.values, np.float64)
    if len(unknown_scores) < 2:
        return float("nan")
    normal_scores = np.asarray(normal.values, np.float64)
    # a line found on the images that it is tried on would flatter itself
    threshold = detection.best_threshold(normal_scores, banks.normal.right, unknown_scores[::2])
    held_out_scores = np.asarray(held_out.values, np.float64)
    return detection.oosa(held_out_scores, banks.held.right, unknown_scores[1::2], threshold)


def curves(normal_scores: Doubles, unknown_scores: Doubles) -> dict[str, View]:
    """ROC and precision over recall."""
    return {
        "roc": curve(
            detection.roc(normal_scores, unknown_scores), "false alarms", "unknown images found"
        ),
        "pr": curve(
            detection.precision_recall(normal_scores, unknown_scores),
            "unknown images found",
            "precision",
        ),
    }


def curve(rates: detection.ThresholdRates, x: str, y: str) -> Curve:
    """Two rates as a view."""
    return Curve(rates.x.astype(np.float32), rates.y.astype(np.float32), x, y, "share")


def noted(notes: tuple[str, ...]) -> Scores:
    """Sentences as a view: what was done otherwise than usual."""
    words = notes or ("Everything as usual.",)
    return Scores(np.full(len(words), float(len(notes)), np.float32), words, "")
