"""All quick detectors on one image: who finds it unusual, and whom to believe."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.anomaly.detectors.odin import ODIN
from engine.anomaly.detectors.quick import QUICK
from engine.core.errors import DoesNotFit
from engine.core.method import Method, Progress, Switch, quiet, setting
from engine.core.result import Result, Scores, Table
from engine.evaluation.detection.case import FamiliarCase
from engine.evaluation.detection.conformal import bonferroni
from engine.evaluation.detection.detector import Detector, ruler_of
from engine.evaluation.detection.gather import Gathered, gathered
from engine.evaluation.measures.detection import auroc, fpr95

BELOW = "less unusual normal images"
COLUMNS = ("p-value", BELOW, "AUROC", "FPR95, unknown positive")
UNITS = ("p-value", "share", "share", "share")
KINDS: tuple[type[Detector], ...] = (*QUICK, ODIN)
TITLES = {kind.name: kind.title for kind in KINDS}


@dataclass(frozen=True)
class Compare(Method[FamiliarCase]):
    """Every detector's verdict on this image, and how well each does on the unknown images.

    The p-value is the share of normal images that are at least as unusual (the image counted in);
    where images come in groups, such as slices of patients, groups are counted.
    The lowest of several p-values is no p-value any more: times their number (Bonferroni) it is one
    again, and that one is given too. AUROC says how often an unknown image scores above a normal
    one; a detector that does badly there is not to be believed here because its p-value is low.
    """

    name = "Compare"
    family = "anomaly"
    title = "All detectors"
    cost = "wait"
    revision = 4
    enumerates = KINDS
    needs = frozenset({"normal"})
    proof = (
        "tests/engine/anomaly/test_compare.py"
        "::test_each_row_is_what_the_detector_says_when_asked_alone"
    )

    odin: bool = setting(False, Switch(), "With ODIN", "It takes a way back through the network.")

    def __call__(self, case: FamiliarCase, progress: Progress = quiet) -> Result:
        """Views: ranking, a row for each detector that fits; together, Bonferroni's p-value."""
        banks = gathered(case, progress)
        kinds: list[type[Detector]] = [kind for kind in QUICK if not kind.unmet(case)]
        kinds += [ODIN] if self.odin and not ODIN.unmet(case) else []
        rows, names = [], []
        for place, kind in enumerate(kinds):
            progress(0.9 + 0.1 * place / len(kinds), kind.title)
            method = kind()
            try:
                method.check_banks(banks)
            except DoesNotFit:
                continue
            rows.append(detector_figures(method, banks))
            names.append(kind.name)
        progress(1.0, "compared")
        values = np.array(rows, np.float64)
        together = bonferroni(values[:, COLUMNS.index("p-value")])
        return {
            "ranking": Table.grid(values.astype(np.float32), tuple(names), COLUMNS, UNITS),
            "together": Scores(np.array([together], np.float32), ("Bonferroni",), "p-value"),
        }

    def finding(self, case: FamiliarCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Who finds the image most unusual, and who least."""
        table = ranked(result["ranking"])
        below, names = 100 * table[BELOW], table.rows
        return (
            f"{names[0]} finds this image most unusual: {below[0]:.0f} % of the normal images are "
            f"less so; {names[-1]} the least ({below[-1]:.0f} %)."
        )


def ranked(table: Table) -> Table:
    """The ranking by p-values, the lowest first, under the detectors' titles."""
    order = np.argsort(table["p-value"], kind="stable").tolist()
    return replace(table.take(order), rows=tuple(TITLES[table.rows[at]] for at in order))


def believed(result: Mapping[str, Any]) -> str:
    """What the lowest p-value is worth, and who tells the unknown images best."""
    table, paid = ranked(result["ranking"]), result["together"]["Bonferroni"]
    words = (
        f"The lowest of {len(table)} p-values, paid for by their number (Bonferroni): {paid:.2g}."
    )
    if np.isfinite(areas := table["AUROC"]).any():
        best = int(np.nanargmax(areas))
        words += f" {table.rows[best]} tells the unknown images best (AUROC {areas[best]:.2f})."
    return words


def detector_figures(method: Detector, banks: Gathered) -> list[float]:
    """p-value, share of normal images that are less unusual, AUROC, FPR95."""
    rule = method.fitted(banks.fit).rule
    score = method.evidence(rule, banks.subject).values.astype(np.float64)
    ruler = ruler_of(method.evidence(rule, banks.normal), banks.normal.groups)
    p = float(ruler.verdict_p(score)[0])
    below = float((ruler.scores < score[0]).mean())
    rates = [float("nan"), float("nan")]
    if banks.unknown is not None and len(banks.unknown):
        normal_scores, unknown_scores = rule(banks.held).score, rule(banks.unknown).score
        rates = [auroc(normal_scores, unknown_scores), fpr95(normal_scores, unknown_scores)]
    return [p, below, *rates]
